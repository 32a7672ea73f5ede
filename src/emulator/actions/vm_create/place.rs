//! What is ordered: zone, image and model.

use crate::emulator::call::Call;
use crate::emulator::problem::Problem;
use crate::emulator::seed::{self, Image, Model, Stock, Zone};

/// Zone, image and model that go together.
pub(in crate::emulator::actions) struct Place {
    pub(in crate::emulator::actions) zone: &'static Zone,
    pub(in crate::emulator::actions) image: Installable,
    pub(in crate::emulator::actions) model: &'static Model,
    pub(in crate::emulator::actions) stock: Stock,
}

/// An image that machines can be installed with, the cloud's or the account's own.
pub(in crate::emulator::actions) struct Installable {
    pub(in crate::emulator::actions) id: String,
    pub(in crate::emulator::actions) name: String,
    /// `linux` or `windows`.
    pub(in crate::emulator::actions) os: &'static str,
    /// Smallest system disk, GB.
    pub(in crate::emulator::actions) least_disk: i64,
}

impl Installable {
    fn of(image: &'static Image) -> Self {
        Self {
            id: image.id.to_owned(),
            name: image.name.to_owned(),
            os: image.os,
            least_disk: image.least_disk,
        }
    }
}

/// Reads the three. A price can be asked without an image; the first one stands in then.
pub(in crate::emulator::actions) fn read(call: &Call<'_>, image_required: bool) -> Result<Place, Problem> {
    let fields = call.fields;
    let zone_id = fields.required("zoneId")?;
    let image_id = if image_required { Some(fields.required("imageId")?) } else { fields.text("imageId")? };
    let model_id = fields.required("instanceType")?;
    for field in ["instanceChargeType", "internetChargeType"] {
        fields.required(field)?;
    }
    let zone =
        seed::zone(zone_id).ok_or_else(|| Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."))?;
    let image = match image_id {
        Some(id) => image(call, id, zone)?,
        None => seed::IMAGES.first().map(Installable::of).ok_or_else(no_image)?,
    };
    let (model, stock) = sold(model_id, zone)?;
    Ok(Place { zone, image, model, stock })
}

/// The image a zone can install.
pub(in crate::emulator::actions) fn image(
    call: &Call<'_>,
    id: &str,
    zone: &Zone,
) -> Result<Installable, Problem> {
    let own = call.world.vm.images.iter().find(|image| image.id == id && image.zone == zone.id);
    if let Some((image, base)) = own.and_then(|image| image.base().map(|base| (image, base))) {
        if image.status(call.now) != "AVAILABLE" {
            return Err(Problem::denied("INVALID_IMAGE_STATUS", format!("The image {id} is being made.")));
        }
        return Ok(Installable {
            id: image.id.clone(),
            name: image.name.clone(),
            os: base.os,
            least_disk: image.size,
        });
    }
    let image = seed::image(id).ok_or_else(no_image)?;
    if image.own_partitions {
        return Err(Problem::invalid(
            "INVALID_PARTITION_IMAGE_NOT_SET",
            "Custom partition are only supported for specific operating system.",
        ));
    }
    Ok(Installable::of(image))
}

fn no_image() -> Problem {
    Problem::absent("INVALID_IMAGE_NOT_FOUND", "Image not found.")
}

/// A model that a zone sells.
pub(in crate::emulator::actions) fn sold(id: &str, zone: &Zone) -> Result<(&'static Model, Stock), Problem> {
    let model = seed::model(id)
        .ok_or_else(|| Problem::absent("INVALID_INSTANCE_TYPE_NOT_FOUND", "Instance model not found."))?;
    let (_, stock) = model.offers.iter().find(|(offered, _)| *offered == zone.id).ok_or_else(|| {
        Problem::invalid("INVALID_INSTANCE_TYPE_ZONE_NO_SELL", "Instance model not available in the zone.")
    })?;
    if matches!(stock, Stock::Empty) {
        return Err(Problem::invalid("RESOURCES_SOLDOUT_INSTANCE_TYPE", "Instance models sold out."));
    }
    Ok((model, *stock))
}
