//! What stands between a socket and a route: connections, keys, limits, errors in each protocol's shape.

pub mod access;
pub mod auth;
pub mod body;
pub mod error;
pub mod listener;
pub mod tls;
