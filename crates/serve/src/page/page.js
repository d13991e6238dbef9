"use strict";

const $ = (id) => document.getElementById(id);
let models = [];

/** An element with a class and children; strings become text, never markup. */
function element(name, className, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function say(text, isBad = false) {
  $("status").textContent = text;
  $("status").className = isBad ? "bad" : "";
}

function chosenModel() {
  return models.find((model) => model.id === $("model").value);
}

function texts() {
  return $("texts").value.split("\n").map((line) => line.trim()).filter((line) => line);
}

/** The body of the request that the page makes. */
function body() {
  const model = chosenModel();
  const boxes = [...$("tasks").querySelectorAll("input")];
  const tasks = boxes.filter((box) => box.checked).map((box) => box.value);
  const asked = { texts: texts() };
  if (models.length > 1) asked.model = model.id;
  if (tasks.length < boxes.length) asked.tasks = tasks;
  if (tasks.length === 0) asked.embedding = true;
  return asked;
}

/** The request that the page makes, for a shell; the key, which the page does not know, is to be in a variable. */
function showCurl() {
  const json = JSON.stringify(body()).replaceAll("'", "'\\''");
  const lines = [`curl ${location.origin}/v1/predict`, "-H 'Content-Type: application/json'"];
  if ("keys" in document.body.dataset) lines.push('-H "Authorization: Bearer $UMBEL_KEY"');
  lines.push(`-d '${json}'`);
  $("curl").textContent = lines.join(" \\\n  ");
}

/** Copies the request, or selects it where a page must not copy: browsers let them on HTTPS and on this machine only. */
async function copy() {
  try {
    await navigator.clipboard.writeText($("curl").textContent);
    say("copied");
  } catch {
    getSelection().selectAllChildren($("curl"));
    say("The browser does not let this page copy; the request is selected, Ctrl + C copies it.");
  }
}

function showTasks() {
  const boxes = chosenModel().tasks.filter((task) => !task.compares).map((task) => {
    const box = element("input");
    Object.assign(box, { type: "checkbox", checked: true, value: task.name });
    return element("label", "", box, ` ${task.name}`);
  });
  $("tasks").replaceChildren(element("legend", "", "Tasks"), ...boxes);
  $("tasks").hidden = boxes.length === 0;
  showCurl();
}

const percent = (part) => `${(100 * part).toFixed(1)} %`;

/** Labels as bars: those with an order in theirs, others the most likely first, and what is left behind a summary. */
function bars(probabilities, answered, hasOrder) {
  const sorted = Object.entries(probabilities);
  if (!hasOrder) sorted.sort((a, b) => b[1] - a[1]);
  const bar = ([label, probability]) => {
    const track = element("progress");
    Object.assign(track, { max: 1, value: probability });
    track.setAttribute("aria-label", `${label} ${percent(probability)}`);
    const name = element("span", "name", answered.includes(label) ? `✓ ${label}` : label);
    return element("div", answered.includes(label) ? "bar answer" : "bar", name, track,
      element("span", "value", percent(probability)));
  };
  const first = sorted.slice(0, 8).map(bar);
  if (sorted.length <= 8) return first;
  const more = element("details", "", element("summary", "", `${sorted.length - 8} more`));
  more.append(...sorted.slice(8).map(bar));
  return [...first, more];
}

/** The text with its spans marked, each label in a colour of its own; offsets count characters, not units of UTF-16. */
function marked(text, spans, labels) {
  const characters = [...text];
  const known = [...new Set([...labels, ...spans.map((span) => span.label).sort()])];
  const shown = element("p", "");
  let at = 0;
  for (const span of [...spans].sort((a, b) => a.start - b.start)) {
    if (span.start < at) continue;
    shown.append(characters.slice(at, span.start).join(""));
    const mark = element("mark", `s${known.indexOf(span.label) % 6}`,
      characters.slice(span.start, span.end).join(""), element("small", "", span.label));
    mark.title = percent(span.probability);
    shown.append(mark);
    at = span.end;
  }
  shown.append(characters.slice(at).join(""));
  return shown;
}

function answer(text, task, found) {
  const parts = [];
  if (found.probabilities) {
    parts.push(...bars(found.probabilities, found.labels ?? [found.label], found.rank !== undefined));
  }
  if (found.labels && found.labels.length === 0) parts.push(element("p", "quiet", "no label reaches its threshold"));
  if (found.abstained) parts.push(element("p", "notice", "too uncertain to be acted on: the task abstains"));
  if (found.rank !== undefined) parts.push(element("p", "quiet", `expected rank ${found.rank.toFixed(2)}`));
  if (found.score !== undefined) parts.push(element("p", "score", found.score.toFixed(3)));
  if (found.scores) parts.push(element("p", "score", found.scores.map((score) => score.toFixed(3)).join("  ")));
  if (found.spans) {
    parts.push(found.spans.length ? marked(text, found.spans, task.labels) : element("p", "quiet", "no span"));
  }
  return [element("h3", "", task.name), ...parts];
}

function result(text, found, model) {
  const heading = element("h2", "", text);
  heading.title = text;
  const shown = element("article", "", heading);
  if (found.truncated) {
    const limit = `only its first ${found.tokens} tokens were read`;
    shown.append(element("p", "notice", `This text is longer than the model reads: ${limit}.`));
  }
  for (const [name, of_task] of Object.entries(found.answers)) {
    const task = model.tasks.find((task) => task.name === name) ?? { name, labels: [] };
    shown.append(...answer(text, task, of_task));
  }
  if (found.embedding) {
    const first = found.embedding.slice(0, 8).map((number) => number.toFixed(4)).join(", ");
    shown.append(element("h3", "", "embedding"), element("p", "quiet", `${found.embedding.length} numbers: ${first}, …`));
  }
  return shown;
}

async function fetched(path, options) {
  const response = await fetch(path, options);
  const found = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(found.error?.message ?? found.error ?? `the server says ${response.status}`);
  return found;
}

async function ask(event) {
  event?.preventDefault();
  const asked = body();
  if (asked.texts.length === 0) return say("There is no sentence.", true);
  $("go").disabled = true;
  say("asking …");
  const begun = performance.now();
  try {
    const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) };
    const found = await fetched("/v1/predict", options);
    const shown = found.results.map((one, i) => result(asked.texts[i], one, chosenModel()));
    $("results").replaceChildren(...shown);
    const took = (performance.now() - begun).toFixed(0);
    say(`${found.usage.texts} texts, ${found.usage.tokens} tokens, ${took} ms`);
  } catch (error) {
    say(error.message, true);
  } finally {
    $("go").disabled = false;
    showCurl();
  }
}

async function begin() {
  $("ask").addEventListener("submit", ask);
  $("texts").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) ask(event);
  });
  $("ask").addEventListener("input", showCurl);
  $("model").addEventListener("change", showTasks);
  $("copy").addEventListener("click", copy);
  try {
    models = (await fetched("/v1/models")).data;
  } catch (error) {
    return say(error.message, true);
  }
  $("model").append(...models.map((model) => element("option", "", model.id)));
  const texts = new URLSearchParams(location.search).getAll("text");
  if (texts.length > 0) $("texts").value = texts.join("\n");
  showTasks();
  if (texts.length > 0) await ask();
}

begin();
