import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./events.mjs";

const { Language } = await load("base/language.js");

/** The server of a page: what it replies to the next requests, by the path. */
function serve(replies) {
  globalThis.document = { getElementById: () => null };
  globalThis.fetch = async path => replies[path];
}

const reply = (words, ok = true) => ({ ok, statusText: "", json: async () => await words });

test("a refusal is not taken for the texts of a language", async () => {
  const replies = { "texts/en.json": reply({ language: "en", send: "Send" }) };
  serve(replies);
  const language = new Language();
  assert.equal(await language.choose("en"), true);
  replies["texts/de.json"] = reply({ error: "the token is missing" }, false);
  assert.equal(await language.choose("de"), false);
  assert.equal(language.say("send"), "Send");
  replies["texts/de.json"] = reply({ language: "de", send: "Senden" });
  assert.equal(await language.choose("de"), true);
  assert.equal(language.say("send"), "Senden");
});

test("the language that was chosen last is shown, whichever comes first", async () => {
  let come;
  const late = new Promise(resolve => (come = resolve));
  serve({ "texts/en.json": reply({ language: "en" }), "texts/de.json": reply(late) });
  const language = new Language();
  const first = language.choose("de");
  await language.choose("en");
  come({ language: "de" });
  assert.equal(await first, true);
  assert.equal(language.name, "en");
});
