// Reads Kubernetes objects as YAML on standard input, holds each against the schema of its kind, and prints
// {"objects":[…],"problems":["Kind/name: …"]}. Like `kubectl apply --validate=strict`, it refuses fields the schema does not know.
import { text } from "node:stream/consumers";
import { parseAllDocuments } from "yaml";

const packages = {
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
  "external-secrets.io": "@kubernetes-models/external-secrets",
  "cert-manager.io": "@kubernetes-models/cert-manager",
};
// No published schema; the driver's documentation is the reference.
const withoutSchema = new Set(["secrets-store.csi.x-k8s.io/v1 SecretProviderClass"]);

async function modelOf({ apiVersion, kind }) {
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  const models = await import(`${packages[group] ?? "kubernetes-models"}/${apiVersion}`);
  if (!models[kind]) throw new Error(`there is no ${kind} in ${apiVersion}`);
  return models[kind];
}

// The generated validators read each property that the schema knows, and enumerate maps. What is never read is unknown.
function watched(value, path, seen) {
  if (value === null || typeof value !== "object") return value;
  const entry = { path, value, read: new Set(), enumerated: Array.isArray(value) };
  seen.push(entry);
  const children = new Map();
  return new Proxy(value, {
    get(target, name) {
      entry.read.add(name);
      if (!Object.hasOwn(target, name)) return target[name];
      if (!children.has(name)) children.set(name, watched(target[name], `${path}/${String(name)}`, seen));
      return children.get(name);
    },
    ownKeys(target) {
      entry.enumerated = true;
      return Reflect.ownKeys(target);
    },
  });
}

function unknownFields(model, object) {
  const seen = [];
  try {
    model.prototype.validate.call(watched(object, "", seen));
  } catch {
    // Reported by the caller; here only what was looked at counts.
  }
  return seen.flatMap(({ path, value, read, enumerated }) =>
    // An object of which nothing was read is free-form.
    enumerated || read.size === 0 ? [] : Object.keys(value).filter((name) => !read.has(name)).map((name) => `${path}/${name}: unknown field`));
}

async function problemsOf(object) {
  if (withoutSchema.has(`${object.apiVersion} ${object.kind}`)) return [];
  try {
    const model = await modelOf(object);
    new model(object).validate();
    return unknownFields(model, object);
  } catch (error) {
    return [error.message];
  }
}

const objects = parseAllDocuments(await text(process.stdin)).map((document) => {
  if (document.errors.length > 0) throw document.errors[0];
  const object = document.toJS();
  // kustomize folds long base64 text into lines, which the cluster's decoder ignores and the schema's format does not.
  if (object?.kind === "Secret") for (const key in object.data) object.data[key] = object.data[key].replaceAll("\n", "");
  return object;
}).filter((object) => object !== null);
const problems = [];
for (const object of objects) {
  for (const problem of await problemsOf(object)) problems.push(`${object.kind}/${object.metadata?.name}: ${problem}`);
}
console.log(JSON.stringify({ objects, problems }));
