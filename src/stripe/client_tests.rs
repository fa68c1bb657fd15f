//! (tests of the client; next)
