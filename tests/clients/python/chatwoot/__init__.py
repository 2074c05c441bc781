"""The Chatwoot-compatible API from outside, against the real server, with the standard library alone."""
