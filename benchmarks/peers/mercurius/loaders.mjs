// Loaders of rows of Waldur's tables: by primary key, and by the key of their owner.
import DataLoader from "dataloader";

export const COLUMNS = {
  resource:
    'id, uuid, name, slug, description, state, created, modified, backend_id as "backendId", ' +
    'effective_id as "effectiveId", attributes, limits, options, current_usages as "currentUsages", ' +
    'backend_metadata as "backendMetadata", report, end_date as "endDate", ' +
    'end_date_updated_at as "endDateUpdatedAt", last_sync as "lastSync", cost, downscaled, paused, ' +
    'restrict_member_access as "restrictMemberAccess", error_message as "errorMessage", ' +
    'error_traceback as "errorTraceback", offering_id as "offeringId", plan_id as "planId", ' +
    'project_id as "projectId"',
  offering:
    'id, uuid, name, slug, description, type, state, shared, category_id as "categoryId", ' +
    'customer_id as "customerId"',
};
const PROJECT = 'id, uuid, name, slug, description, end_date as "endDate", customer_id as "customerId"';
const CUSTOMER = "id, uuid, name, slug";
const CATEGORY = "id, uuid, title, description";
const COMPONENT =
  'id, uuid, type, name, description, billing_type as "billingType", measured_unit as "measuredUnit", ' +
  'unit_factor as "unitFactor", limit_period as "limitPeriod", limit_amount as "limitAmount", ' +
  'min_value as "minValue", max_value as "maxValue", is_boolean as "isBoolean", offering_id as "owner"';
const PLAN = 'id, uuid, name, description, unit, unit_price as "unitPrice", offering_id as "owner"';
const PRICE = 'amount, price, component_id as "componentId", plan_id as "owner"';
const ENDPOINT = 'uuid, name, url, resource_id as "owner"';

const byKey = (run, table, columns) =>
  new DataLoader(async (keys) => {
    const rows = await run(`one ${table}`, `select ${columns} from ${table} where id = any($1::int[])`, [keys]);
    const rowsByKey = new Map(rows.map((row) => [row.id, row]));
    return keys.map((key) => rowsByKey.get(key) ?? null);
  });

const byOwner = (run, table, columns, reference, order = "id") =>
  new DataLoader(async (owners) => {
    const statement = `select ${columns} from ${table} where ${reference} = any($1::int[]) order by ${order}`;
    const rowsByOwner = new Map(owners.map((owner) => [owner, []]));
    for (const row of await run(`many ${table}`, statement, [owners])) rowsByOwner.get(row.owner).push(row);
    return owners.map((owner) => rowsByOwner.get(owner));
  });

export const loaders = (run) => ({
  offering: byKey(run, "marketplace_offering", COLUMNS.offering),
  plan: byKey(run, "marketplace_plan", PLAN),
  project: byKey(run, "structure_project", PROJECT),
  customer: byKey(run, "structure_customer", CUSTOMER),
  category: byKey(run, "marketplace_category", CATEGORY),
  component: byKey(run, "marketplace_offeringcomponent", COMPONENT),
  components: byOwner(run, "marketplace_offeringcomponent", COMPONENT, "offering_id", "name, id"),
  plans: byOwner(run, "marketplace_plan", PLAN, "offering_id"),
  prices: byOwner(run, "marketplace_plancomponent", PRICE, "plan_id"),
  endpoints: byOwner(run, "marketplace_resourceaccessendpoint", ENDPOINT, "resource_id"),
});
