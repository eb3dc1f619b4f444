//! Connections of one agent to services.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hyper_util::client::legacy::Client;

use crate::{exchange::RequestBody, target::Target};

/// So many requests to one service share a connection that speaks HTTP/2: what RFC 9113 6.5.2 asks every service to take at once.
/// More would wait for one of these to end, and a stream of events never does.
const AT_ONCE: usize = 100;

/// Clients side by side, each with its own connections. A request goes to the first that has room for it.
pub(super) struct Lanes<C> {
    lanes: Mutex<Vec<Lane<C>>>,
    make: Box<dyn Fn() -> Client<C, RequestBody> + Send + Sync>,
}

struct Lane<C> {
    client: Client<C, RequestBody>,
    /// Requests that are on their way, by service.
    open: HashMap<Service, usize>,
}

type Service = (Arc<str>, u16);

/// A request's place in a lane, until its response has ended.
pub(super) struct Place {
    lanes: Arc<dyn Leave>,
    lane: usize,
    service: Service,
}

impl<C: Clone + Send + Sync + 'static> Lanes<C> {
    pub(super) fn new(make: impl Fn() -> Client<C, RequestBody> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { lanes: Mutex::default(), make: Box::new(make) })
    }

    /// The client for one more request to a service.
    pub(super) fn enter(self: &Arc<Self>, target: &Target) -> (Client<C, RequestBody>, Place) {
        let service = (target.host.shared(), target.port);
        let mut lanes = self.lanes();
        let has_room = |lane: &Lane<C>| lane.open.get(&service).is_none_or(|open| *open < AT_ONCE);
        let number = lanes.iter().position(has_room).unwrap_or(lanes.len());
        if number == lanes.len() {
            lanes.push(Lane { client: (self.make)(), open: HashMap::new() });
        }
        // It is there: it was found or made.
        let client = match lanes.get_mut(number) {
            Some(lane) => {
                *lane.open.entry(service.clone()).or_default() += 1;
                lane.client.clone()
            }
            None => (self.make)(),
        };
        drop(lanes);
        (client, Place { lanes: Arc::clone(self) as _, lane: number, service })
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Lane<C>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

trait Leave: Send + Sync {
    fn leave(&self, lane: usize, service: &Service);
}

impl<C: Clone + Send + Sync + 'static> Leave for Lanes<C> {
    fn leave(&self, lane: usize, service: &Service) {
        let mut lanes = self.lanes();
        let Some(lane) = lanes.get_mut(lane) else { return };
        if let Some(open) = lane.open.get_mut(service) {
            *open -= 1;
            if *open == 0 {
                lane.open.remove(service);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lanes.leave(self.lane, &self.service);
    }
}

#[cfg(test)]
mod tests {
    use http::uri::Scheme;
    use hyper_util::{
        client::legacy::{Client, connect::HttpConnector},
        rt::TokioExecutor,
    };

    use super::{AT_ONCE, Lanes};
    use crate::{model::Host, target::Target};

    #[test]
    fn a_lane_more_is_made_when_one_is_full_and_room_is_used_again() {
        let lanes = Lanes::<HttpConnector>::new(|| Client::builder(TokioExecutor::new()).build_http());
        let target = |host: &str| Target {
            scheme: Scheme::HTTPS,
            host: Host::parse(host).unwrap(),
            port: 443,
            path: "/".into(),
            query: None,
        };
        let mut places: Vec<_> = (0..AT_ONCE).map(|_| lanes.enter(&target("a.test")).1).collect();
        assert!(places.iter().all(|place| place.lane == 0));
        assert_eq!(lanes.enter(&target("b.test")).1.lane, 0, "each service by itself");
        assert_eq!(lanes.enter(&target("a.test")).1.lane, 1);
        places.pop();
        assert_eq!(lanes.enter(&target("a.test")).1.lane, 0);
        drop(places);
        assert!(lanes.lanes().iter().all(|lane| lane.open.is_empty()));
    }
}
