//! Connections to services through the upstream proxy.

use std::{io, pin::pin, sync::Arc};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{connector::ConnectError, one_of::OneOf, prefixed::Prefixed, tls_failure};
use crate::destination::UpstreamProxy;

/// A connection to the proxy.
type ToProxy = OneOf<TcpStream, Box<TlsStream<TcpStream>>>;

/// A connection to a service through the proxy.
pub(super) type Proxied = Prefixed<ToProxy>;

/// Has the proxy, to which `stream` leads, connect to `authority` (RFC 9110 9.3.6).
pub(super) async fn connect(
    proxy: &UpstreamProxy, stream: TcpStream, authority: &str, tls: &Arc<ClientConfig>,
) -> Result<Proxied, ConnectError> {
    let stream = match proxy.is_tls {
        true => OneOf::Second(Box::new(handshake(proxy, stream, tls).await?)),
        false => OneOf::First(stream),
    };
    ask(proxy, stream, authority).await
}

async fn handshake(
    proxy: &UpstreamProxy, stream: TcpStream, tls: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, ConnectError> {
    let name = ServerName::try_from(proxy.host.as_str().to_owned()).map_err(|_| ConnectError::Host)?;
    TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(|error| {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        ConnectError::Proxy(match tls {
            Some(error) => format!("its TLS is not trusted: {}", tls_failure::said(error)),
            None => error.kind().to_string(),
        })
    })
}

async fn ask(proxy: &UpstreamProxy, stream: ToProxy, authority: &str) -> Result<Proxied, ConnectError> {
    let broken = |error: hyper::Error| match error.is_parse() {
        true => ConnectError::Proxy("its answer is not valid HTTP".into()),
        false => ConnectError::Proxy("it closed the connection".into()),
    };
    let mut request = Request::connect(authority).header(header::HOST, authority);
    if let Some(credentials) = &proxy.credentials {
        request = request.header(header::PROXY_AUTHORIZATION, credentials);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|_| ConnectError::Host)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let asking = pin!(async move {
        let answer = sender.send_request(request).await.map_err(broken)?;
        match answer.status() {
            status if status.is_success() => hyper::upgrade::on(answer).await.map_err(broken),
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(ConnectError::Proxy(
                match proxy.credentials {
                    Some(_) => "it does not take the user and password of ONECLI_UPSTREAM_PROXY",
                    None => "it wants a user and password; put them into ONECLI_UPSTREAM_PROXY",
                }
                .into(),
            )),
            // What else it says is its own words.
            status => {
                Err(ConnectError::Proxy(format!("it refused the connection with status {}", status.as_u16())))
            }
        }
    });
    let upgraded = match select(asking, pin!(connection.with_upgrades())).await {
        Either::Left((asked, _)) => asked?,
        // Its part is done once it has handed the stream over.
        Either::Right((_, asking)) => asking.await?,
    };
    let parts = upgraded
        .downcast::<TokioIo<ToProxy>>()
        .map_err(|_| ConnectError::Unreachable(io::Error::other("the connection can't be taken over")))?;
    Ok(Prefixed::new(parts.read_buf, parts.io.into_inner()))
}
