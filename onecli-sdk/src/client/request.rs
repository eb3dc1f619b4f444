//! Sending a call and reading its answer.

use reqwest::{Method, Response};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use super::{Client, Error};

/// The parameters of a call's query.
pub(super) type Query<'a> = [(&'a str, String)];

impl Client {
    /// Reads one thing.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &Query<'_>) -> Result<T, Error> {
        let response = self.send(Method::GET, path, query, None::<&()>).await?;
        self.decode(response).await
    }

    /// Reads a text.
    pub(super) async fn get_text(&self, path: &str) -> Result<String, Error> {
        let response = self.send(Method::GET, path, &[], None::<&()>).await?;
        response.text().await.map_err(|error| Error::transport(self.address(), error))
    }

    /// Reads one page of a list, and from where to go on.
    pub(super) async fn get_page<T: DeserializeOwned>(
        &self, path: &str, query: &Query<'_>,
    ) -> Result<(Vec<T>, Option<String>), Error> {
        let response = self.send(Method::GET, path, query, None::<&()>).await?;
        let next =
            response.headers().get("x-next-cursor").and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok((self.decode(response).await?, next))
    }

    /// Reads a list to its end.
    pub(super) async fn get_all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Error> {
        let (mut all, mut next) = self.get_page(path, &[]).await?;
        while let Some(cursor) = next {
            let (page, after) = self.get_page(path, &[("cursor", cursor.clone())]).await?;
            all.extend(page);
            next = after.filter(|after| *after != cursor);
        }
        Ok(all)
    }

    /// Sends a thing and reads what the daemon made of it.
    pub(super) async fn send_json<B: Serialize, T: DeserializeOwned>(
        &self, method: Method, path: &str, body: &B,
    ) -> Result<T, Error> {
        let response = self.send(method, path, &[], Some(body)).await?;
        self.decode(response).await
    }

    /// Calls without a body and reads the answer.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let response = self.send(Method::POST, path, &[], None::<&()>).await?;
        self.decode(response).await
    }

    /// Removes a thing.
    pub(super) async fn delete(&self, path: &str) -> Result<(), Error> {
        self.send(Method::DELETE, path, &[], None::<&()>).await.map(drop)
    }

    /// Sends a call; an answer that is no success is an error.
    async fn send<B: Serialize>(
        &self, method: Method, path: &str, query: &Query<'_>, body: Option<&B>,
    ) -> Result<Response, Error> {
        let response = self.exchange(method, path, query, body).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        Err(Error::from_answer(self.address(), status, &body))
    }

    /// Sends a call and answers with whatever came back.
    pub(super) async fn exchange<B: Serialize>(
        &self, method: Method, path: &str, query: &Query<'_>, body: Option<&B>,
    ) -> Result<Response, Error> {
        let mut request = self.inner.http.request(method, self.call_url(path, query)?);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.map_err(|error| Error::transport(self.address(), error))
    }

    /// Reads the body of an answer.
    async fn decode<T: DeserializeOwned>(&self, response: Response) -> Result<T, Error> {
        let body = response.bytes().await.map_err(|error| Error::transport(self.address(), error))?;
        serde_json::from_slice(&body)
            .map_err(|error| Error::Decode { address: self.address().to_owned(), reason: error.to_string() })
    }

    fn call_url(&self, path: &str, query: &Query<'_>) -> Result<Url, Error> {
        let mut url =
            self.inner.base.join(path).map_err(|error| Error::Configuration(format!("{path}: {error}")))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}
