//! Where a key may be used from.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

/// Whether the address lies in one of the ranges; no range is anywhere. A listener on IPv6 sees IPv4 clients as mapped
/// addresses (`::ffff:10.0.0.1`): they are the IPv4 clients they are.
pub(super) fn contain(ranges: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    ranges.is_empty() || ranges.iter().any(|range| range.contains(&address))
}

/// Reads a range; the error is what is wrong with it and what to write.
pub(super) fn parse(text: &str) -> Result<IpNet, String> {
    let range: IpNet = match (text.parse(), text.parse::<IpAddr>()) {
        (Ok(range), _) => range,
        (_, Ok(address)) => {
            let range = IpNet::from(address);
            return Err(format!("{text:?} is one address; write it as a range, \"{range}\""));
        }
        _ => return Err(format!("{text:?} is not a range of addresses; write e.g. \"10.0.0.0/8\"")),
    };
    let whole = range.trunc();
    if whole != range {
        return Err(format!("{text:?} has bits behind its prefix; write \"{whole}\", or a longer prefix"));
    }
    Ok(canonical(whole))
}

/// A range of mapped addresses as the IPv4 range it stands for.
fn canonical(range: IpNet) -> IpNet {
    let IpNet::V6(v6) = range else { return range };
    let mapped = v6.prefix_len().checked_sub(96).zip(Ipv6Addr::to_ipv4_mapped(&v6.network()));
    let v4 = mapped.and_then(|(prefix, address)| Ipv4Net::new(address, prefix).ok());
    v4.map_or(range, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(range: &str, address: &str) -> bool {
        contain(&[parse(range).unwrap()], address.parse().unwrap())
    }

    #[test]
    fn ranges_hold_their_addresses() {
        assert!(inside("10.0.0.0/8", "10.255.0.1") && !inside("10.0.0.0/8", "11.0.0.1"));
        assert!(inside("2001:db8::/32", "2001:db8::1") && !inside("2001:db8::/32", "2001:db9::1"));
        assert!(!inside("::/0", "10.0.0.1"), "an IPv6 range holds no IPv4 address");
        assert!(contain(&[], "192.0.2.1".parse().unwrap()), "no range is anywhere");
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        assert!(inside("10.0.0.0/8", "::ffff:10.1.2.3") && !inside("10.0.0.0/8", "::ffff:11.1.2.3"));
        assert!(
            inside("::ffff:10.0.0.0/104", "10.1.2.3") && inside("::ffff:10.0.0.0/104", "::ffff:10.1.2.3")
        );
    }

    #[test]
    fn says_what_to_write() {
        assert!(parse("10.0.0.1").unwrap_err().ends_with("\"10.0.0.1/32\""));
        assert!(parse("10.0.0.1/8").unwrap_err().contains("write \"10.0.0.0/8\""));
        assert!(parse("office").is_err() && parse("10.0.0.0/33").is_err() && parse("").is_err());
    }
}
