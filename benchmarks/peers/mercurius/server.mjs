// mercurius with its JIT, hand-written SQL and data loaders: a common fast stack on Node.
import { readFile } from "node:fs/promises";
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";
import { loaders } from "./loaders.mjs";
import { resolvers } from "./resolvers.mjs";

// Timestamps and dates stay text: conversions to Date and back would only cost time.
const [TIMESTAMPTZ, DATE] = [1184, 1082];
for (const type of [TIMESTAMPTZ, DATE]) pg.types.setTypeParser(type, (text) => text);

const size = Number(process.env.POOL_SIZE);
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  min: size,
  max: size,
  idleTimeoutMillis: 0,
});
// A named statement is prepared once on each connection.
const run = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const app = Fastify({ logger: false, keepAliveTimeout: 60_000 });
app.register(mercurius, {
  schema: await readFile(new URL("schema.graphql", import.meta.url), "utf8"),
  resolvers,
  jit: 1,
  graphiql: false,
  context: () => ({ run, load: loaders(run) }),
});
await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
