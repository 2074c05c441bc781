#!/usr/bin/env bash
# The curl lines of Chatwoot's guide to agent bots, in its order; only addresses, ids and tokens are filled in.
# Wants SERVER, ACCOUNT_ID, YOUR_ACCESS_TOKEN, INBOX_ID and CONTACT (the public address of a contact of that inbox).
# Each line prints the answer's status and body.
set -euo pipefail

field() {
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

# Prints "NAME STATUS BODY", and leaves the body in `body`.
line() {
    local name=$1 answer
    shift
    answer=$(curl --silent --show-error --max-time 20 --write-out '\n%{http_code}' "$@")
    body=${answer%$'\n'*}
    printf '%s %s %s\n' "$name" "${answer##*$'\n'}" "$body"
}

line create -X POST \
    "$SERVER/api/v1/accounts/$ACCOUNT_ID/agent_bots" \
    -H "api_access_token: $YOUR_ACCESS_TOKEN" \
    -H 'Content-Type: application/json' \
    -d '{
"name": "Support Bot",
"description": "Handles initial customer inquiries",
"outgoing_url": "https://your-service.com/webhook",
"bot_config": {}
}'
bot_id=$(field id <<<"$body")
BOT_ACCESS_TOKEN=$(field access_token <<<"$body")

line connect -X POST \
    "$SERVER/api/v1/accounts/$ACCOUNT_ID/agent_bots/$bot_id/agent_bot_inboxes" \
    -H "api_access_token: $YOUR_ACCESS_TOKEN" \
    -H 'Content-Type: application/json' \
    -d "{
\"inbox_id\": $INBOX_ID
}"

# A customer, so that there is a conversation to answer in.
line conversation -X POST "$CONTACT/conversations"
conversation_id=$(field id <<<"$body")

line send -X POST \
    "$SERVER/api/v1/accounts/$ACCOUNT_ID/conversations/$conversation_id/messages" \
    -H "api_access_token: $BOT_ACCESS_TOKEN" \
    -H 'Content-Type: application/json' \
    -d '{
"content": "Hello! How can I help you today?",
"message_type": "outgoing"
}'

line list -X GET \
    "$SERVER/api/v1/accounts/$ACCOUNT_ID/agent_bots" \
    -H "api_access_token: $YOUR_ACCESS_TOKEN"

line update -X PATCH \
    "$SERVER/api/v1/accounts/$ACCOUNT_ID/agent_bots/$bot_id" \
    -H "api_access_token: $YOUR_ACCESS_TOKEN" \
    -H 'Content-Type: application/json' \
    -d '{
"name": "Updated Bot Name",
"description": "New description",
"outgoing_url": "https://new-url.com/webhook"
}'

line reset -X POST \
    "$SERVER/api/v1/accounts/$ACCOUNT_ID/agent_bots/$bot_id/reset_access_token" \
    -H "api_access_token: $YOUR_ACCESS_TOKEN"

# The guide: "Regenerating the access token will invalidate the old token immediately."
line old -X POST \
    "$SERVER/api/v1/accounts/$ACCOUNT_ID/conversations/$conversation_id/messages" \
    -H "api_access_token: $BOT_ACCESS_TOKEN" \
    -H 'Content-Type: application/json' \
    -d '{"content": "ghost", "message_type": "outgoing"}'

line delete -X DELETE \
    "$SERVER/api/v1/accounts/$ACCOUNT_ID/agent_bots/$bot_id" \
    -H "api_access_token: $YOUR_ACCESS_TOKEN"
