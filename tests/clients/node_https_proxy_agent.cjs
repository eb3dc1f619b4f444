// Walks a service as README.md of this directory says, with Node's own https and https-proxy-agent.
const https = require("node:https");
const { HttpsProxyAgent } = require("https-proxy-agent");

const agent = new HttpsProxyAgent(process.env.HTTPS_PROXY);

function send(url, options = {}, body) {
  return new Promise((resolve, reject) => {
    https.request(url, { agent, ...options }, resolve).on("error", reject).end(body);
  });
}

async function text(response) {
  let all = "";
  for await (const chunk of response) all += chunk;
  return all;
}

async function walk(base) {
  const hello = await send(`${base}/hello`);
  console.log("get", hello.statusCode, await text(hello));
  console.log("post", await text(await send(`${base}/count`, { method: "POST" }, "x".repeat(100_000))));
  const blocked = await send(`${base}/blocked`);
  console.log("blocked", blocked.statusCode, JSON.parse(await text(blocked)).error);
  for await (const chunk of await send(`${base}/stream/3`)) process.stdout.write(chunk);
  console.log("end");
}

walk(process.argv[2]);
