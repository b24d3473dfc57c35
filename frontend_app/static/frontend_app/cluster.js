"use strict";

// Says so when the page isn't live any more, instead of showing old figures as if they were new.
const silence = document.getElementById("silence");
const fails = () => { silence.hidden = false; };

document.addEventListener("htmx:error", fails);
document.addEventListener("htmx:response:error", fails);
document.addEventListener("htmx:after:swap", () => { silence.hidden = true; });
