//! JSON Schemas of the configuration and the key file, for editors.
//!
//! They are generated from the structs that read the files, so they cannot promise what the reader refuses; a test
//! holds the copies under `deploy/config` to them.

use schemars::generate::SchemaSettings;

use super::RawConfig;
use crate::keys::RawKeyFile;

impl super::Config {
    /// The JSON Schema of the configuration file.
    pub fn schema() -> serde_json::Value {
        of::<RawConfig>()
    }
}

/// The JSON Schema of the key file.
pub fn keys() -> serde_json::Value {
    of::<RawKeyFile>()
}

fn of<T: schemars::JsonSchema>() -> serde_json::Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<T>().to_value()
}
