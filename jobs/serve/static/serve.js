// What the pages do besides htmx: a file can be dropped, and who sends one sees that it goes.
(() => {
  "use strict";
  const form = document.querySelector("form.send");
  if (!form) return;
  const drop = document.getElementById("drop");
  const input = document.getElementById("file");
  const status = form.querySelector(".sending");
  form.querySelector(".for-drop").hidden = false;
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    drop.addEventListener(name, () => drop.classList.remove("over"));
  }
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length !== 1) {
      status.textContent = "Drop one file.";
      return;
    }
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
  form.addEventListener("submit", () => {
    status.textContent = `Sending ${input.files[0].name} …`;
    form.querySelector("button:not(.plain)").disabled = true;
  });
  // Who comes back by the browser's button finds the form as it was.
  window.addEventListener("pageshow", () => {
    status.textContent = "";
    form.querySelector("button:not(.plain)").disabled = false;
  });
})();
