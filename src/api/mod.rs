//! The faces: each speaks one product's wire and nothing else. No face knows another, and none
//! knows what lies behind the engine.

pub mod admin;
pub mod chatwoot;
pub mod files;
pub mod livechat;
