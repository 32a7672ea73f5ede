//! What only a store of several owners can show.
