//! `switchboard webhook verify`: checks a call that was recorded, as its receiver should.

use super::{WebhookError, read, say};
use crate::cli::args::VerifyArgs;
use crate::outbound::verify;
use crate::telemetry::clock;

pub(super) fn run(args: &VerifyArgs) -> Result<(), WebhookError> {
    let body = read(&args.body)?;
    let now = clock::now().as_secs();
    verify(&args.secret, (&args.id, args.timestamp), &body, &args.signature, (now, args.tolerance))?;
    say("verified: it was signed with this secret, and no byte was changed");
    Ok(())
}
