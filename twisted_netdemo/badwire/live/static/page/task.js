// An exercise: a recording with some things left out, and a question for each.

import { byId, html } from "../base/dom.js";
import { save } from "../base/exports.js";

export function showTask(task, language) {
  const root = byId("task");
  root.hidden = false;
  document.body.dataset.task = "";
  byId("task-title").textContent = language.say("exercise", { student: task.student });
  const list = root.querySelector("ol");
  for (const question of task.questions) list.append(item(question));
  root.querySelector("form").addEventListener("submit", event => {
    event.preventDefault();
    const answers = {};
    for (const field of list.querySelectorAll("[data-question] input"))
      answers[field.closest("[data-question]").dataset.question] = field.value.trim();
    const text = `${JSON.stringify({ student: task.student, lesson: task.lesson, answers }, null, 1)}\n`;
    save(new Blob([text], { type: "application/json" }), task.file ?? "answers.json");
  });
}

function item({ name, text, kind, choices, unit }) {
  const field = html("input", { maxlength: 200, ...(kind === "number" ? { inputmode: "decimal" } : {}) });
  const parts = [`${text} `, field, unit ? ` ${unit}` : ""];
  const made = html("li", { "data-question": name }, html("label", {}, ...parts));
  if (kind !== "choice") return made;
  const list = html("datalist", { id: `choices-${name}` }, ...choices.map(value => html("option", { value })));
  field.setAttribute("list", list.id);
  made.append(list, html("span", { class: "choices" }, choices.join(" · ")));
  return made;
}
