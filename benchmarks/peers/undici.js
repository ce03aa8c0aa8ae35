// A proxy as one would write it by hand on undici: it streams, puts TAG behind <head> and gives new visitors a cookie.
// The site is asked for pages without a coding, so that there is nothing to decode. PORT, ORIGIN and TAG are set by
// benchmarks/field/peers.py, which also says where the packages are (NODE_PATH).
"use strict";

const { randomUUID } = require("node:crypto");
const http = require("node:http");
const net = require("node:net");
const { Pool } = require("undici");

const PORT = Number(process.env.PORT);
const ORIGIN = Number(process.env.ORIGIN);
const TAG = Buffer.from(process.env.TAG);
const HEAD = Buffer.from("<head>");
const OF_A_HOP = "connection keep-alive proxy-connection te trailer transfer-encoding upgrade";
const HOP_BY_HOP = new Set(OF_A_HOP.split(" "));
const CHANGED = new Set(["content-length", "etag", "last-modified", "accept-ranges"]);

const site = new Pool(`http://127.0.0.1:${ORIGIN}`, { connections: 64, pipelining: 1 });

function asked(request) {
  const fields = [];
  const raw = request.rawHeaders;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at].toLowerCase();
    if (!HOP_BY_HOP.has(name) && name !== "accept-encoding" && name !== "expect") fields.push(raw[at], raw[at + 1]);
  }
  return fields;
}

// The fields for the visitor. A tagged page keeps its length, which grows by the tag's.
function answered(request, status, headers) {
  const isPage = status === 200 && request.method === "GET" && String(headers["content-type"]).startsWith("text/html");
  const fields = [];
  for (const [name, value] of Object.entries(headers)) {
    if (!HOP_BY_HOP.has(name) && !(isPage && CHANGED.has(name))) fields.push([name, value]);
  }
  if (isPage && headers["content-length"]) {
    fields.push(["content-length", String(Number(headers["content-length"]) + TAG.length)]);
  }
  if (!String(request.headers.cookie).includes("footfall=")) {
    fields.push(["set-cookie", `footfall=${randomUUID()}; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax`]);
  }
  return { isPage, fields: fields.flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one])) };
}

// Writes the page on, the tag behind <head>: looked for across two pieces, and given up after 64 KiB.
class Tagging {
  constructor(answer) {
    this.answer = answer;
    this.held = Buffer.alloc(0);
    this.done = false;
  }

  write(piece) {
    if (this.done) return this.answer.write(piece);
    const text = this.held.length ? Buffer.concat([this.held, piece]) : piece;
    const at = text.indexOf(HEAD);
    if (at < 0 && text.length < 65536) {
      this.held = text;
      return true;
    }
    const end = at < 0 ? text.length : at + HEAD.length;
    return this.finish([text.subarray(0, end), TAG, text.subarray(end)]);
  }

  finish(parts) {
    this.done = true;
    this.held = Buffer.alloc(0);
    return this.answer.write(Buffer.concat(parts));
  }

  end() {
    if (!this.done && this.held.length) this.finish([this.held, TAG]);
    this.answer.end();
  }
}

async function handle(request, answer) {
  const { statusCode, headers, body } = await site.request({
    path: request.url,
    method: request.method,
    headers: asked(request),
    body: request.method === "GET" || request.method === "HEAD" ? null : request,
  });
  const { isPage, fields } = answered(request, statusCode, headers);
  answer.writeHead(statusCode, fields);
  const taker = isPage ? new Tagging(answer) : answer;
  answer.on("close", () => body.destroy());
  body.on("error", () => answer.destroy());
  body.on("data", (piece) => {
    if (!taker.write(piece)) {
      body.pause();
      answer.once("drain", () => body.resume());
    }
  });
  body.on("end", () => taker.end());
}

function upgraded(request, socket, head) {
  const behind = net.connect(ORIGIN, "127.0.0.1", () => {
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
    }
    behind.write(`${lines.join("\r\n")}\r\n\r\n`);
    behind.write(head);
    behind.pipe(socket).pipe(behind);
  });
  behind.on("error", () => socket.destroy());
  socket.on("error", () => behind.destroy());
}

const server = http.createServer((request, answer) => {
  handle(request, answer).catch(() => {
    if (!answer.headersSent) answer.writeHead(502);
    answer.end();
  });
});
server.on("upgrade", upgraded);
server.keepAliveTimeout = 0;
server.listen(PORT, "127.0.0.1");
