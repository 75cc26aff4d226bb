// PostGraphile over Waldur's tables, configured as its documentation recommends for production.
import { createServer } from "node:http";
import { PgSimplifyInflectionPreset } from "@graphile/simplify-inflection";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const port = Number(process.env.PORT);
const size = Number(process.env.POOL_SIZE);

const preset = {
  extends: [PostGraphileAmberPreset, PgSimplifyInflectionPreset],
  // Lists can be sorted and joined by any column, also those without an index.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  // Plain lists in addition to connections: they are cheaper where no pagination is needed.
  schema: { defaultBehavior: "+connection +list" },
  pgServices: [
    makePgService({
      connectionString: process.env.DATABASE_URL,
      schemas: ["public"],
      poolConfig: { max: size, min: size, idleTimeoutMillis: 0 },
    }),
  ],
  grafserv: { watch: false, graphiql: false, websockets: false, parseAndValidateCacheSize: 500 },
  grafast: { explain: false },
};

const server = createServer();
server.keepAliveTimeout = 60_000;
await postgraphile(preset).createServ(grafserv).addTo(server);
server.listen(port, "127.0.0.1");
