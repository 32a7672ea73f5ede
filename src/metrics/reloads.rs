//! What could not be replaced by its new version, asked for people rather than for a scraper.

use prometheus::core::Collector as _;

use super::Metrics;

impl Metrics {
    /// Whatever was refused when it was looked at last, by its label.
    pub fn failing_reloads(&self) -> Vec<String> {
        let families = self.reload_failed.collect();
        let all = families.iter().flat_map(|family| family.get_metric());
        let failing = all.filter(|metric| metric.get_gauge().get_value() > 0.0);
        failing
            .filter_map(|metric| metric.get_label().first().map(|label| label.value().to_owned()))
            .collect()
    }
}
