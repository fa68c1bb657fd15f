//! The screen of failed payments.
