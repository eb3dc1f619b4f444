//! A real name server, whose answers may change from one question to the next.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokio::net::UdpSocket;

/// What is known of a name.
#[derive(Clone)]
pub enum Records {
    /// These addresses.
    Addresses(Vec<IpAddr>),
    /// The first time these, then those.
    Changing(Vec<IpAddr>, Vec<IpAddr>),
    /// What another name has.
    Alias(&'static str),
}

/// A running server; on port 53, since a resolver asks at no other, and so at a loopback address of its own.
pub struct DnsServer {
    pub address: IpAddr,
}

/// RFC 1035 3.2.2, RFC 3596 2.1.
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

type Zone = Mutex<HashMap<String, (Records, u32)>>;

impl DnsServer {
    /// Answers for these names, and that there is no other.
    pub async fn start(names: &[(&str, Records)]) -> Self {
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = IpAddr::from(Ipv4Addr::new(127, 53, high, low));
        let socket = UdpSocket::bind(SocketAddr::new(address, 53)).await;
        let socket = socket.unwrap_or_else(|error| panic!("{address}:53: {error}; run ./test as root"));
        let zone = names.iter().map(|(name, records)| ((*name).to_owned(), (records.clone(), 0)));
        let zone: Arc<Zone> = Arc::new(Mutex::new(zone.collect()));
        tokio::spawn(async move {
            let mut question = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut question).await.unwrap();
                let answer = answer(&question[..length], &zone);
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        Self { address }
    }
}

fn answer(question: &[u8], zone: &Zone) -> Vec<u8> {
    let (name, end) = read_name(question);
    let kind = u16::from_be_bytes([question[end], question[end + 1]]);
    let found = look_up(&name, kind, zone);
    let mut answer = question[..2].to_vec();
    // A response, authoritative, recursion available; with the question, and no error or no such name (RFC 1035 4.1.1).
    answer.extend([0x85, if found.is_some() { 0x80 } else { 0x83 }, 0, 1]);
    let records = found.unwrap_or_default();
    answer.extend(u16::try_from(records.len()).unwrap().to_be_bytes());
    answer.extend([0; 4]);
    answer.extend(&question[12..end + 4]);
    for (owner, kind, data) in records {
        answer.extend(write_name(&owner));
        answer.extend(kind.to_be_bytes());
        // Class IN, not to be kept.
        answer.extend([0, 1, 0, 0, 0, 0]);
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    answer
}

type Record = (String, u16, Vec<u8>);

fn look_up(name: &str, kind: u16, zone: &Zone) -> Option<Vec<Record>> {
    let mut names = zone.lock().unwrap();
    let (records, asked) = names.get_mut(name)?;
    // Each look-up asks for both kinds of addresses.
    *asked += u32::from(kind == A);
    let addresses = match records {
        Records::Addresses(addresses) => addresses.clone(),
        Records::Changing(first, _) if *asked <= 1 => first.clone(),
        Records::Changing(_, then) => then.clone(),
        Records::Alias(other) => {
            let other = (*other).to_owned();
            drop(names);
            let mut found = vec![(name.to_owned(), CNAME, write_name(&other))];
            found.extend(look_up(&other, kind, zone)?);
            return Some(found);
        }
    };
    let data = addresses.into_iter().filter_map(|address| match address {
        IpAddr::V4(ip) if kind == A => Some(ip.octets().to_vec()),
        IpAddr::V6(ip) if kind == AAAA => Some(ip.octets().to_vec()),
        _ => None,
    });
    Some(data.map(|data| (name.to_owned(), kind, data)).collect())
}

fn read_name(question: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while question[at] != 0 {
        let length = usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..=at + length]).to_lowercase());
        at += length + 1;
    }
    (labels.join("."), at + 1)
}

fn write_name(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}
