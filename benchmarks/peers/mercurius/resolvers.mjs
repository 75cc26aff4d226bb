// The resolvers of the schema; fields that are columns need none.
import { GraphQLScalarType } from "graphql";
import { COLUMNS } from "./loaders.mjs";

const asStored = (name) => new GraphQLScalarType({ name, serialize: (value) => value });
const RESOURCES_OF_PROJECT = "from marketplace_resource where project_id = $1 and state = $2";
const listResources = ({ projectId, state, first }, _, { run }) =>
  run(
    "resources",
    `select ${COLUMNS.resource} ${RESOURCES_OF_PROJECT} order by created desc, id desc limit $3`,
    [projectId, state, first],
  );

export const resolvers = {
  JSON: asStored("JSON"),
  DateTime: asStored("DateTime"),
  Date: asStored("Date"),
  Decimal: asStored("Decimal"),
  Query: {
    resource: async (_, { uuid }, { run }) =>
      (await run("resource", `select ${COLUMNS.resource} from marketplace_resource where uuid = $1`, [uuid]))[0],
    resources: (_, args, context) => listResources(args, _, context),
    resourcePage: (_, args) => args,
    offerings: (_, { first }, { run }) =>
      run(
        "offerings",
        `select ${COLUMNS.offering} from marketplace_offering order by created desc, id desc limit $1`,
        [first],
      ),
  },
  ResourcePage: {
    nodes: listResources,
    totalCount: async ({ projectId, state }, _, { run }) =>
      (await run("resource count", `select count(*)::int as "count" ${RESOURCES_OF_PROJECT}`, [projectId, state]))[0].count,
  },
  Resource: {
    offering: (resource, _, { load }) => load.offering.load(resource.offeringId),
    plan: (resource, _, { load }) => (resource.planId == null ? null : load.plan.load(resource.planId)),
    project: (resource, _, { load }) => load.project.load(resource.projectId),
    endpoints: (resource, _, { load }) => load.endpoints.load(resource.id),
  },
  Offering: {
    category: (offering, _, { load }) => load.category.load(offering.categoryId),
    provider: (offering, _, { load }) =>
      offering.customerId == null ? null : load.customer.load(offering.customerId),
    components: (offering, _, { load }) => load.components.load(offering.id),
    plans: (offering, _, { load }) => load.plans.load(offering.id),
  },
  Plan: { components: (plan, _, { load }) => load.prices.load(plan.id) },
  Price: {
    component: (price, _, { load }) => (price.componentId == null ? null : load.component.load(price.componentId)),
  },
  Project: { customer: (project, _, { load }) => load.customer.load(project.customerId) },
};
