"use strict";

/** An element with a class and children; strings become text, never markup. */
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** A schema in few words, with the names of others in place of these. */
function words(schema) {
  if (!schema) return "anything";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const several = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (several) return several.map(words).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  const types = [].concat(schema.type ?? "anything");
  return types.map((type) => (type === "array" ? `list of ${words(schema.items)}` : type)).join(" or ");
}

function fields(schema) {
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const must = (schema.required ?? []).includes(name) ? "" : ", may be missing";
    const about = field.description ? `: ${field.description}` : "";
    return element("li", "", element("code", "", name), ` ${words(field)}${must}${about}`);
  });
  return rows.length ? element("ul", "", ...rows) : element("p", "quiet", words(schema));
}

function content(title, holder, schemas) {
  const [kind, { schema } = {}] = Object.entries(holder?.content ?? {})[0] ?? [];
  if (!schema) return [];
  const name = schema.$ref?.split("/").pop();
  return [element("h3", "", `${title} (${kind}): ${words(schema)}`), ...(name ? [fields(schemas[name])] : [])];
}

function route(path, method, about, schemas) {
  const heading = element("summary", "", element("span", "method", method.toUpperCase()), element("code", "", path),
    ` ${about.summary ?? ""}`);
  const shown = element("details", "", heading);
  if (about.description) shown.append(element("p", "", about.description));
  shown.append(...content("Body", about.requestBody, schemas));
  for (const [status, response] of Object.entries(about.responses ?? {}).sort()) {
    shown.append(element("p", "quiet", `${status}: ${response.description}`));
    if (status.startsWith("2")) shown.append(...content("Answer", response, schemas));
  }
  return shown;
}

async function begin() {
  const api = await (await fetch("/openapi.json")).json();
  const byTag = new Map((api.tags ?? []).map((tag) => [tag.name, []]));
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, about] of Object.entries(methods)) {
      const tag = about.tags?.[0] ?? "other";
      byTag.set(tag, [...(byTag.get(tag) ?? []), route(path, method, about, api.components.schemas)]);
    }
  }
  const main = document.getElementById("routes");
  for (const [tag, routes] of byTag) main.append(element("h2", "", tag), ...routes);
  const schemas = Object.entries(api.components.schemas).map(([name, schema]) => {
    const about = schema.description ? [element("p", "quiet", schema.description)] : [];
    const shown = element("details", "", element("summary", "", element("code", "", name)), ...about, fields(schema));
    return shown;
  });
  main.append(element("h2", "", "Schemas"), ...schemas);
}

begin();
