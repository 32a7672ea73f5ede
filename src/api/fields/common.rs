//! The rows that tables are built from, and the objects that several services share.

use super::{Field, Shape};

/// Ids, names and enumerations: the cloud's own limits (64 characters for names) lie far below.
const TEXT_MAX: usize = 1024;
/// Scripts and user data: the cloud takes 32 KB.
const SCRIPT_MAX: usize = 256 * 1024;
/// Sizes, bandwidths and periods: what a 32-bit integer holds.
const SIZE_MAX: i64 = i32::MAX as i64;

/// A short text.
pub(super) const fn text(name: &'static str) -> Field {
    Field { name, shape: Shape::Text { max: TEXT_MAX }, required: false }
}

/// A short text that judging needs.
pub(super) const fn required_text(name: &'static str) -> Field {
    Field { name, shape: Shape::Text { max: TEXT_MAX }, required: true }
}

/// A script or user data.
pub(super) const fn script(name: &'static str) -> Field {
    Field { name, shape: Shape::Text { max: SCRIPT_MAX }, required: false }
}

/// How many of something: the vendor's pages say 1 to 100.
pub(super) const fn amount(name: &'static str) -> Field {
    Field { name, shape: Shape::Integer { min: 1, max: 100 }, required: false }
}

/// A size, a bandwidth or a period.
pub(super) const fn size(name: &'static str) -> Field {
    Field { name, shape: Shape::Integer { min: 0, max: SIZE_MAX }, required: false }
}

/// A decimal.
pub(super) const fn decimal(name: &'static str) -> Field {
    Field { name, shape: Shape::Decimal, required: false }
}

/// A boolean.
pub(super) const fn flag(name: &'static str) -> Field {
    Field { name, shape: Shape::Flag, required: false }
}

/// An object.
pub(super) const fn object(name: &'static str, fields: &'static [Field]) -> Field {
    Field { name, shape: Shape::Object(fields), required: false }
}

/// A list.
pub(super) const fn list(name: &'static str, of: &'static Shape, max: usize) -> Field {
    Field { name, shape: Shape::List { of, max }, required: false }
}

/// Tags: the vendor takes 20 in a query and names no limit for a create.
pub(super) const fn tags(name: &'static str) -> Field {
    Field { name, shape: Shape::Tags { max: 100 }, required: false }
}

/// The element of a list of ids, names or keys.
pub(super) const TEXT: Shape = Shape::Text { max: TEXT_MAX };
/// The element of a list of SSH public keys.
pub(super) const LONG_TEXT: Shape = Shape::Text { max: 16 * 1024 };
/// The element of a list of positions.
pub(super) const POSITION: Shape = Shape::Integer { min: 0, max: SIZE_MAX };

/// Go `ChargePrepaid` and `ChargePostpaid` (vm, bmc).
pub(super) const CHARGE: &[Field] = &[
    size("period"), // Period, months
];

/// Go `MarketingInfo` (vm, bmc, zec).
pub(super) const MARKETING: &[Field] = &[
    text("discountCode"),  // DiscountCode
    flag("usePocVoucher"), // UsePocVoucher
];

/// Go `Nic` (vm, bmc).
pub(super) const NIC: &[Field] = &[
    text("wanName"), // WanName
    text("lanName"), // LanName
];

/// Go `SystemDisk` (vm, zec 2024-04-01).
pub(super) const SYSTEM_DISK: &[Field] = &[
    text("diskId"),       // DiskId, in answers only
    size("diskSize"),     // DiskSize, GB
    text("diskCategory"), // DiskCategory
];
