"use strict";

// What the pages of the browsable API lack for people who hear them, or use no mouse.
for (const group of document.querySelectorAll(".form-group")) {
  const label = group.querySelector("label:not([for])");
  const field = group.querySelector("input, select, textarea");
  if (label && field) {
    field.id ||= `field-${field.form.id || field.form.dataset.method || "post"}-${field.name}`;
    label.htmlFor = field.id;
  }
}
for (const button of document.querySelectorAll("button.dropdown-toggle")) {
  button.setAttribute("aria-label", "Other formats");
}
for (const text of document.querySelectorAll("pre.prettyprint")) {
  text.tabIndex = 0; // It may be wider than the window.
}
// The form with fields goes before the box for raw data.
const fields = document.getElementById("patch-form");
const raw = document.getElementById("put-generic-content-form");
if (fields && raw) {
  raw.closest(".well").before(fields);
}
