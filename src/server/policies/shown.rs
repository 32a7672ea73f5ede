//! What others judge by, who are not the gateway: a candidate's process, `zengate check --gateway`, the console's playground.

use serde_json::Value;

use super::Supply;
use crate::policy::Material;
use crate::replay::shadow;

impl Supply {
    /// Material with everything that judging by it takes.
    pub(super) fn shown(&self, material: &Material) -> Result<Value, String> {
        let order = shadow::Order { material: material.clone(), admitted: self.admitted() };
        serde_json::to_value(order).map_err(|error| error.to_string())
    }

    /// Fields of creates beyond the tables, as they are configured.
    pub(super) fn admitted(&self) -> Vec<String> {
        let fields = self.config.admit_fields.iter();
        fields.map(|field| format!("{} {} {}", field.service, field.action, field.field)).collect()
    }
}
