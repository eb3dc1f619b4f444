// Walks a service as README.md of this directory says, with undici's fetch.
const { EnvHttpProxyAgent, fetch, setGlobalDispatcher } = require("undici");

setGlobalDispatcher(new EnvHttpProxyAgent());

async function walk(base) {
  const hello = await fetch(`${base}/hello`);
  console.log("get", hello.status, await hello.text());
  const posted = await fetch(`${base}/count`, { method: "POST", body: "x".repeat(100_000) });
  console.log("post", await posted.text());
  const blocked = await fetch(`${base}/blocked`);
  console.log("blocked", blocked.status, (await blocked.json()).error);
  const stream = await fetch(`${base}/stream/3`);
  for await (const chunk of stream.body) process.stdout.write(chunk);
  console.log("end");
}

walk(process.argv[2]);
