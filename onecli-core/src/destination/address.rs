//! What kind of address an address is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches, by the IANA special-purpose registries (RFC 6890 and its updates).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere on the internet.
    Public,
    /// This machine or its networks; open only by setting.
    Private(&'static str),
    /// Never open: cloud metadata, multicast, unspecified.
    Never(&'static str),
}

impl Reach {
    /// What kind of address `ip` is. Addresses that carry an IPv4 address count as that one, if it is the stricter.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => of_v4(ip),
            IpAddr::V6(ip) => of_v6(ip),
        }
    }
}

/// Addresses at which clouds hand out credentials of the machine.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

fn of_v4(ip: Ipv4Addr) -> Reach {
    let octets = ip.octets();
    match octets {
        _ if METADATA_V4.contains(&ip) => Reach::Never("a cloud metadata address"),
        [0, ..] => Reach::Never("an unspecified address"),
        [224..=239, ..] => Reach::Never("a multicast address"),
        [240..=255, ..] => Reach::Never("a reserved or broadcast address"),
        [127, ..] => Reach::Private("a loopback address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Reach::Private("a private address"),
        [169, 254, ..] => Reach::Private("a link-local address"),
        [100, 64..=127, ..] => Reach::Private("a carrier-grade NAT address"),
        [192, 0, 0, _] => Reach::Private("a protocol assignment address"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Private("a documentation address"),
        [198, 18..=19, ..] => Reach::Private("a benchmarking address"),
        [192, 88, 99, _] => Reach::Private("a 6to4 relay address"),
        _ => Reach::Public,
    }
}

fn of_v6(ip: Ipv6Addr) -> Reach {
    let own = own_reach_v6(ip);
    match embedded_v4(ip).map(of_v4) {
        Some(carried @ Reach::Never(_)) => carried,
        Some(carried @ Reach::Private(_)) if own == Reach::Public => carried,
        _ => own,
    }
}

fn own_reach_v6(ip: Ipv6Addr) -> Reach {
    match ip.segments() {
        _ if METADATA_V6.contains(&ip) => Reach::Never("a cloud metadata address"),
        _ if ip.is_unspecified() => Reach::Never("an unspecified address"),
        [0xff00..=0xffff, ..] => Reach::Never("a multicast address"),
        _ if ip.is_loopback() => Reach::Private("a loopback address"),
        [0xfc00..=0xfdff, ..] => Reach::Private("a unique local address"),
        [0xfe80..=0xfebf, ..] => Reach::Private("a link-local address"),
        [0xfec0..=0xfeff, ..] => Reach::Private("a site-local address"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Private("a documentation address"),
        [0x100, 0, 0, 0, ..] => Reach::Never("a discard address"),
        [0x64, 0xff9b, 1, ..] => Reach::Private("a local NAT64 address"),
        [0x5f00, ..] => Reach::Private("a segment routing address"),
        // Teredo, and the rest of the protocol assignments (2001::/23).
        [0x2001, 0, ..] => Reach::Public,
        [0x2001, 1..=0x1ff, ..] => Reach::Private("a protocol assignment address"),
        // IPv4-mapped and IPv4-compatible: the carried address alone counts.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] => Reach::Public,
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => Reach::Public,
        [0x2000..=0x3fff, ..] => Reach::Public,
        // Nothing else is assigned as global unicast.
        _ => Reach::Private("an unassigned address"),
    }
}

/// The IPv4 address that an IPv6 address carries: mapped and compatible (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056),
/// Teredo (RFC 4380), ISATAP (RFC 5214).
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0..=1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => Some(from(high, low)),
        [0, 0, 0, 0, 0xffff, 0, high, low] => Some(from(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        [0x2002, high, low, ..] => Some(from(high, low)),
        [0x2001, 0, .., high, low] => Some(from(!high, !low)),
        [.., 0 | 0x200, 0x5efe, high, low] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Reach;

    fn reach(text: &str) -> Reach {
        Reach::of(text.parse().unwrap())
    }

    #[test]
    fn metadata_multicast_and_unspecified_are_never_open() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "fd00:ec2::254",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::ffff:0.0.0.0",
            "2001:0:1:2:3:4:5601:5601",
        ] {
            assert!(matches!(reach(address), Reach::Never(_)), "{address}: {:?}", reach(address));
        }
    }

    #[test]
    fn private_addresses_are_private_in_every_dress() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "198.18.0.1",
            "192.0.2.1",
            "::1",
            "fe80::1",
            "fd12::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:0:1:2:3:4:80ff:fffe",
            "::7f00:1",
            "2001:db8::1",
            "fec0::1",
            "4000::1",
            "2001:2::1",
        ] {
            assert!(matches!(reach(address), Reach::Private(_)), "{address}: {:?}", reach(address));
        }
    }

    #[test]
    fn the_internet_is_public() {
        for address in [
            "1.1.1.1",
            "100.63.255.254",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "64:ff9b::101:101",
            "2002:101:101::1",
        ] {
            assert_eq!(reach(address), Reach::Public, "{address}");
        }
    }
}
