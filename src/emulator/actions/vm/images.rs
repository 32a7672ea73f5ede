//! Images, the cloud's and the account's own: ImageInfo, CreateImageRequest and ImageQuotaInfo of the models. The
//! codes are those the Go SDK lists for images.

use serde_json::{Map, Value, json};

use super::subnets::named;
use crate::emulator::actions::change::settled;
use crate::emulator::actions::paging::{among, only, page, passes};
use crate::emulator::call::{Call, Reply};
use crate::emulator::fields::Fields;
use crate::emulator::life::Status;
use crate::emulator::problem::Problem;
use crate::emulator::seed;
use crate::emulator::world::Product;
use crate::emulator::world::vm::image::CustomImage;

/// Images one call may name.
const IDS: usize = 100;
/// Custom images of a zone. The vendor has a quota and does not publish it.
const QUOTA: usize = 10;

/// DescribeImages: the zone is required, custom images are in one zone each.
pub(super) fn describe(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let ids = fields.texts_up_to("imageIds", IDS)?;
    let zone = fields.required("zoneId")?;
    if seed::zone(zone).is_none() {
        return Err(Problem::absent("INVALID_ZONE_NOT_FOUND", "Zone not found."));
    }
    let (name, category) = (fields.text("imageName")?, fields.text("category")?);
    let kind = fields.one_of("imageType", &["PUBLIC_IMAGE", "CUSTOM_IMAGE"])?;
    let os = fields.one_of("osType", &["linux", "windows"])?;
    let status = fields.one_of("imageStatus", &["CREATING", "AVAILABLE", "UNAVAILABLE"])?;
    let own = call.world.vm.images.iter().filter(|image| image.zone == zone);
    let rows = seed::IMAGES.iter().map(public).chain(own.map(|image| custom(call, image)));
    let text =
        |row: &Value, member: &str| row.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let found = rows.filter(|row| {
        among(&ids, &[&text(row, "imageId")])
            && name.is_none_or(|name| text(row, "imageName").contains(name))
            && passes(category, &text(row, "category"))
            && passes(kind, &text(row, "imageType"))
            && passes(os, &text(row, "osType"))
            && passes(status, &text(row, "imageStatus"))
    });
    page(fields, found.collect())
}

/// DescribeImage: the members of one image beside the request id.
pub(super) fn describe_one(call: &mut Call<'_>) -> Reply {
    let id = call.fields.required("imageId")?;
    let own = call.world.vm.images.iter().find(|image| image.id == id).map(|image| custom(call, image));
    match own.or_else(|| seed::image(id).map(public)) {
        Some(Value::Object(members)) => Ok(members),
        _ => Err(not_found(id)),
    }
}

fn not_found(id: &str) -> Problem {
    Problem::absent("INVALID_IMAGE_NOT_FOUND", format!("The image {id} does not exist."))
}

/// ImageInfo of an image of the cloud.
fn public(image: &seed::Image) -> Value {
    json!({
        "imageId": image.id,
        "imageName": image.name,
        "imageType": "PUBLIC_IMAGE",
        "imageSize": image.least_disk.to_string(),
        "imageDescription": "",
        "imageVersion": image.version,
        "imageStatus": "AVAILABLE",
        "category": image.category,
        "osType": image.os,
    })
}

/// ImageInfo of an image of the account.
fn custom(call: &Call<'_>, image: &CustomImage) -> Value {
    let base = image.base();
    json!({
        "imageId": image.id,
        "imageName": image.name,
        "imageType": "CUSTOM_IMAGE",
        "imageSize": image.size.to_string(),
        "imageDescription": image.description,
        "imageVersion": base.map_or("", |base| base.version),
        "imageStatus": image.status(call.now),
        "category": base.map_or("", |base| base.category),
        "osType": base.map_or("", |base| base.os),
    })
}

/// CreateImage: of a stopped machine, which is IMAGING for as long as it takes.
pub(super) fn create(call: &mut Call<'_>) -> Reply {
    let (fields, now, pace) = (call.fields, call.now, call.world.pace);
    let name = name(fields)?.ok_or_else(|| Problem::missing("imageName"))?;
    let description = description(fields)?.unwrap_or_default();
    let machine = call.machine(Product::Vm, fields.required("instanceId")?)?.clone();
    let status = machine.life.at(now);
    settled(&machine, status)?;
    if status != Status::Stopped {
        let code = if status == Status::Imaging {
            "UNSUPPORTED_OPERATION_DISK_MAKING_IMAGE"
        } else {
            "UNSUPPORTED_OPERATION_INSTANCE_STATE_STARTING"
        };
        return Err(Problem::denied(code, format!("The instance {} is {}.", machine.id, status.as_str())));
    }
    if in_zone(call, &machine.zone) >= QUOTA {
        return Err(Problem::denied(
            "LIMIT_EXCEEDED_IMAGE_QUOTA",
            format!("A zone has at most {QUOTA} images of the account."),
        ));
    }
    let own = call.world.vm.images.iter().find(|image| image.id == machine.image);
    let base = own.map_or(&machine.image, |image| &image.base).clone();
    let image = CustomImage {
        id: format!("img-{}", call.world.number()),
        zone: machine.zone.clone(),
        name: name.to_owned(),
        description: description.to_owned(),
        base,
        size: machine.system_disk.size,
        ready: now.saturating_add(pace.change_after),
    };
    let id = image.id.clone();
    call.world.vm.images.push(image);
    call.machine(Product::Vm, &machine.id)?.life.change(now, pace, Status::Imaging, Status::Stopped);
    Ok(only("imageId", json!(id)))
}

fn in_zone(call: &Call<'_>, zone: &str) -> usize {
    call.world.vm.images.iter().filter(|image| image.zone == zone).count()
}

/// 1 to 24 letters of any script, digits, `-` and `_`.
fn name<'a>(fields: Fields<'a>) -> Result<Option<&'a str>, Problem> {
    let good = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    match fields.text("imageName")? {
        Some(name) if name.chars().count() > 24 || !name.chars().all(good) => Err(Problem::invalid(
            "INVALID_PARAMETER_PATTERN_ERROR",
            "The imageName has at most 24 letters, digits, - and _.",
        )),
        name => Ok(name),
    }
}

fn description<'a>(fields: Fields<'a>) -> Result<Option<&'a str>, Problem> {
    match fields.text("imageDescription")? {
        Some(text) if text.chars().count() > 255 => Err(Problem::invalid(
            "INVALID_PARAMETER_EXCEED_LENGTH",
            "The imageDescription has at most 255 characters.",
        )),
        text => Ok(text),
    }
}

/// ModifyImagesAttributes: all or none, of the account's own only.
pub(super) fn modify(call: &mut Call<'_>) -> Reply {
    let fields = call.fields;
    let (name, description) = (name(fields)?, description(fields)?);
    let ids = own(call)?;
    for image in call.world.vm.images.iter_mut().filter(|image| ids.contains(&image.id.as_str())) {
        if let Some(name) = name {
            name.clone_into(&mut image.name);
        }
        if let Some(description) = description {
            description.clone_into(&mut image.description);
        }
    }
    Ok(Map::new())
}

/// DeleteImages: all or none, of the account's own only.
pub(super) fn delete(call: &mut Call<'_>) -> Reply {
    let ids = own(call)?;
    call.world.vm.images.retain(|image| !ids.contains(&image.id.as_str()));
    Ok(Map::new())
}

/// The images a change names: the account's own, and available.
fn own<'a>(call: &Call<'a>) -> Result<Vec<&'a str>, Problem> {
    let ids = named(call.fields, "imageIds", IDS)?;
    for id in &ids {
        let image = call.world.vm.images.iter().find(|image| image.id == *id);
        let image = image.ok_or_else(|| not_found(id))?;
        if image.status(call.now) != "AVAILABLE" {
            return Err(Problem::denied("INVALID_IMAGE_STATUS", format!("The image {id} is being made.")));
        }
    }
    Ok(ids)
}

/// DescribeImageQuota.
pub(super) fn quota(call: &mut Call<'_>) -> Reply {
    let ids = call.fields.texts_up_to("zoneIds", IDS)?;
    let zones = seed::ZONES.iter().filter(|zone| among(&ids, &[zone.id]));
    let items =
        zones.map(|zone| json!({ "zoneId": zone.id, "count": in_zone(call, zone.id), "maxCount": QUOTA }));
    Ok(only("images", items.collect()))
}
