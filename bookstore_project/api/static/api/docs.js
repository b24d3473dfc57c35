"use strict";

// The page of the API's description: what it is to show stands in the page itself.
const place = document.getElementById("swagger-ui");

// The vendor's dark colours wait for a class.
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// Examples and answers may be larger than their boxes: the keyboard reaches them, too.
const reach = () => place.querySelectorAll("pre:not([tabindex])").forEach((box) => { box.tabIndex = 0; });
new MutationObserver(reach).observe(place, { childList: true, subtree: true });

SwaggerUIBundle({
  url: place.dataset.schema,
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    // A login of this page's session counts for changes only with its token.
    if (!["GET", undefined].includes(request.method) && request.credentials === "same-origin") {
      request.headers[place.dataset.csrfHeader] = place.dataset.csrfToken;
    }
    return request;
  },
});
