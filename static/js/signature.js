/* The signature pad: strokes by finger, pen or mouse become SVG path data in a hidden field. Without this file the name is typed. */
(() => {
  "use strict";

  const WIDTH = 600;
  const HEIGHT = 200;
  const MAX_POINTS = 3000;

  function start(box) {
    const pad = box.querySelector("svg");
    const path = pad.querySelector("path");
    const field = box.querySelector("input");
    let points = (path.getAttribute("d").match(/[ML]/g) ?? []).length;
    let last = null;

    function place(event) {
      const area = pad.getBoundingClientRect();
      const within = (value, size) => Math.max(0, Math.min(size, Math.round(value)));
      return [
        within(((event.clientX - area.left) / area.width) * WIDTH, WIDTH),
        within(((event.clientY - area.top) / area.height) * HEIGHT, HEIGHT),
      ];
    }

    function add(command, [x, y]) {
      if (points >= MAX_POINTS) return;
      points += 1;
      last = [x, y];
      path.setAttribute("d", `${path.getAttribute("d")}${command}${x} ${y}`);
    }

    pad.addEventListener("pointerdown", (event) => {
      if (!event.isPrimary) return;
      event.preventDefault();
      pad.setPointerCapture(event.pointerId);
      const here = place(event);
      add("M", here);
      add("L", here);
    });
    pad.addEventListener("pointermove", (event) => {
      if (!last || !event.isPrimary) return;
      const moves = event.getCoalescedEvents?.() ?? [];
      for (const move of moves.length ? moves : [event]) {
        const here = place(move);
        if (Math.hypot(here[0] - last[0], here[1] - last[1]) >= 2) add("L", here);
      }
    });
    for (const name of ["pointerup", "pointercancel"]) {
      pad.addEventListener(name, () => {
        last = null;
        field.value = path.getAttribute("d");
      });
    }
    box.querySelector("[data-clear]").addEventListener("click", () => {
      points = 0;
      path.setAttribute("d", "");
      field.value = "";
    });
    box.hidden = false;
  }

  for (const box of document.querySelectorAll("[data-signature]")) start(box);
})();
