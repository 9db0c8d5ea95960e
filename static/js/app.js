/* What HTML cannot do by itself. Every page works without this file; nothing is kept in the browser's storage. */
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const dialog = () => $("#dialog");
  const busy = new WeakSet();
  const lastButton = new WeakMap();

  /* A page that comes out of the back-forward cache may belong to somebody who signed out. */
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  function focusOn(element) {
    if (!element.matches("a[href], button, input, select, textarea, summary, [tabindex]")) element.tabIndex = -1;
    element.focus();
  }

  function focusFirst(root) {
    const wanted = root.matches?.("[data-autofocus]") ? root : $("[data-autofocus]", root);
    if (!wanted) return false;
    wanted.removeAttribute("data-autofocus");
    focusOn(wanted);
    return true;
  }

  /* Nothing has the focus, or what the swap took away or hid (the list, where the profile takes its place). */
  function isLost(element) {
    return !element || element === document.body || !element.isConnected || !element.getClientRects().length;
  }

  function toTop(part) {
    for (const box of [".split-list", ".split-main", ".app-body"]) {
      const scrolled = part.closest(box);
      if (scrolled) scrolled.scrollTop = 0;
    }
  }

  /* A section that opens low on the screen comes up, so that nobody has to scroll to what was asked for. */
  function bringUp(section) {
    const { top, bottom, height } = section.getBoundingClientRect();
    if (top > innerHeight / 2 && bottom > innerHeight) {
      section.scrollIntoView({ block: height > innerHeight * 0.8 ? "start" : "end" });
    }
  }

  function announce(text) {
    const live = $("#live");
    if (live && live.textContent !== text) live.textContent = text;
  }

  function markCurrentRow() {
    for (const row of $$("a.result")) {
      const isOpen = `${location.pathname}/`.startsWith(`${row.pathname}/`);
      if (isOpen) row.setAttribute("aria-current", "page");
      else row.removeAttribute("aria-current");
    }
  }

  /* What was changed in the open profile stands in its row as well, without asking for the list again. */
  function updateRow(head) {
    const row = $("a.result[aria-current]");
    if (!row) return;
    const name = $("#customers-profile-name", head).textContent;
    if ($(".result-name", row).textContent !== name) $(".result-name bdi", row).textContent = name;
    // The row of somebody on hold shows a lock and says so instead.
    if ($(".avatar-masked", row)) return;
    $(".avatar", row).textContent = $(".avatar", head).textContent;
    // Never what was revealed: that is shown in the profile alone.
    const contact = $$(".masked-value", head);
    if (!contact.some((value) => value.hasAttribute("tabindex"))) {
      $(".result-line", row).replaceChildren(...contact.map((value) => $("bdi", value).cloneNode(true)));
    }
    $(".result-side .badge", row)?.replaceWith($(".badge", head).cloneNode(true));
  }

  /* Forms: one submit at a time. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.submitter?.name === "unfiltered") for (const field of $$(".filters-body .input:not([name=sort])", form)) field.value = "";
    if (event.submitter?.name === "wider") $(`[name=list][value="${CSS.escape(event.submitter.value)}"]`, form).checked = true;
    if (form.hasAttribute("data-live")) return;
    if (busy.has(form)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    lastButton.set(form, event.submitter);
    $(".not-saved", form)?.remove();
    // Without htmx the browser would leave for an error page of its own, and what was typed with it.
    if (!navigator.onLine && form.method === "post" && !form.hasAttribute("hx-post") && $("#not-saved")) {
      event.preventDefault();
      showNotSaved(form);
      return;
    }
    $("#flashes")?.replaceChildren();
    announce("");
    busy.add(form);
    event.submitter?.setAttribute("aria-disabled", "true");
    setTimeout(() => release(form), 20000);
  }, true);

  function release(form) {
    busy.delete(form);
    for (const button of $$("[aria-disabled]", form)) button.removeAttribute("aria-disabled");
  }

  /* Lost connection: the form stays as typed; Retry sends the same form with the same idempotency key. */
  function showNotSaved(form) {
    const template = $("#not-saved");
    if (!template || $(".not-saved", form)) return;
    const line = template.content.firstElementChild.cloneNode(true);
    const actions = $(".actions", form);
    if (actions) actions.before(line);
    else form.append(line);
    $("button", line).addEventListener("click", () => {
      release(form);
      form.requestSubmit(lastButton.get(form) ?? undefined);
    });
    announce(line.textContent.trim());
    $("button", line).focus();
  }

  function showOffline() {
    const template = $("#offline");
    const place = $("#flashes");
    if (template && place) place.replaceChildren(template.content.firstElementChild.cloneNode(true));
  }

  let pending = 0;
  let isFromPane = false;
  let isFromForm = false;
  document.addEventListener("htmx:before:request", (event) => {
    const source = event.detail.ctx?.sourceElement;
    isFromPane = Boolean(source?.closest?.(".split-main"));
    isFromForm = Boolean(source?.matches?.("form.form"));
    // What was said of the last act is over with the next; what a page asks by itself is none.
    const isPoll = event.detail.ctx?.sourceElement?.getAttribute?.("hx-trigger")?.includes("every");
    if (!isPoll) $("#flashes")?.replaceChildren();
    pending += 1;
    document.documentElement.classList.add("is-loading");
  });
  document.addEventListener("htmx:finally:request", (event) => {
    pending = Math.max(0, pending - 1);
    if (!pending) document.documentElement.classList.remove("is-loading");
    const form = event.detail.ctx?.sourceElement?.closest?.("form");
    if (form) release(form);
  });
  function showUnreached(source) {
    const form = source.closest("form");
    if (form && form.method === "post" && !form.hasAttribute("data-live")) showNotSaved(form);
    else showOffline();
  }
  document.addEventListener("htmx:error", (event) => {
    const source = event.detail.ctx?.sourceElement;
    if (source && !event.detail.ctx.response) showUnreached(source);
  });

  /* Every answer of ours has a nonce. A proxy's has none (the server restarts): it takes the place of nothing. */
  document.addEventListener("htmx:before:response", (event) => {
    const { response, sourceElement } = event.detail.ctx;
    if (response.headers.get("Content-Security-Policy")?.includes("'nonce-")) return;
    event.preventDefault();
    showUnreached(sourceElement);
  });

  /* The session ended: the dialog asks to sign in, with the page as it was typed behind it; then the same is sent again. */
  let refused = null;
  function goOn(answer) {
    const app = $(".app");
    if (answer.dataset.signedIn !== app.dataset.user) {
      location.assign($(".rail-brand").href);
      return;
    }
    for (const field of $$("input[name=csrf_token]")) field.value = answer.dataset.token;
    dialog().close();
    refused?.requestSubmit(lastButton.get(refused));
    refused = null;
  }

  /* An error goes to the line at the top; behind an open dialog nobody would see it. */
  document.addEventListener("htmx:response:error", (event) => {
    if (event.detail.ctx.response?.status === 401) refused = event.detail.ctx.sourceElement?.closest?.("form");
    if (event.detail.ctx.hx?.retarget && dialog()?.open) dialog().close();
  });

  /* After a swap: title, focus, dialog, number of results. */
  document.addEventListener("htmx:after:settle", (event) => {
    for (const part of event.detail.newContent ?? []) {
      if (!(part instanceof Element)) continue;
      const box = dialog();
      if (box && part.closest("#dialog-body")) {
        if (part.dataset.signedIn) {
          goOn(part);
          return;
        }
        const store = $("[name=store_id]", part);
        if (store && part.id === "auth-again") store.value = $(".app").dataset.store;
        if (!box.open) box.showModal();
        focusFirst(part);
        continue;
      }
      if (box?.open) box.close();
      if (part.id === "customers-head") updateRow(part);
      if (part.dataset.title) document.title = part.dataset.title;
      const counted = part.matches("[data-announce]") ? part : $("[data-announce]", part);
      if (counted) announce(counted.dataset.announce);
      else if (isFromForm && part.matches(".section") && !$("form.form", part)) announce($("#live").dataset.saved);
      const isOpened = part.matches(".split-main > article");
      const wasLost = isLost(document.activeElement);
      if (!focusFirst(part) && (wasLost || (isOpened && !document.activeElement.matches("input, select, textarea")))) {
        // What a decision in the pane brings is the next in the pane.
        const next = isFromPane ? $(".split-main :is(h1, h2)", part) : null;
        const heading = next ?? $("h1, h2, [role=alert], .result-count", part);
        if (heading) focusOn(heading);
      }
      if (isFromPane && part.matches(".section")) bringUp(part);
      if (isOpened || (wasLost && part.id === "customers-results")) toTop(part);
    }
    markCurrentRow();
  });
  document.addEventListener("htmx:after:history:update", markCurrentRow);

  /* Going back to the list shows it as it was, without a request: what was searched, where it was scrolled to. */
  let listTop = 0;
  function backToList() {
    const pane = $("#customers-pane");
    const empty = $("#pane-empty");
    if (!pane || !empty || !$("#customers-results")) return false;
    const row = $("a.result[aria-current]");
    pane.replaceChildren(empty.content.cloneNode(true));
    document.title = empty.dataset.title;
    const body = $(".app-body");
    if (body) body.scrollTop = listTop;
    row?.scrollIntoView({ block: "nearest" });
    (row ?? $("#customers-query"))?.focus({ preventScroll: true });
    markCurrentRow();
    return true;
  }

  /* Back and Forward between what the pane showed keep the list beside it. */
  function openInPane(path) {
    const pane = $("#customers-pane");
    if (pane) htmx.ajax("GET", path, { target: pane, swap: "innerHTML" });
    return Boolean(pane);
  }

  document.addEventListener("htmx:before:history:restore", (event) => {
    const search = $("#customers-search");
    if (!search) return;
    const list = search.dataset.listPath;
    const path = event.detail.path.split("?")[0];
    const isList = path === list || path === new URL(search.action).pathname;
    if (isList ? backToList() : path.startsWith(`${list}/`) && openInPane(path)) event.preventDefault();
  });

  /* A tap into the search box marks what was searched before: the next name takes its place. */
  let isEntered = false;
  document.addEventListener("focusin", (event) => {
    isEntered = event.target.id === "customers-query";
  });

  document.addEventListener("click", (event) => {
    if (isEntered && event.target.id === "customers-query") event.target.select();
    isEntered = false;
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    if (target.closest("[data-close]") && target.closest("dialog")) {
      event.preventDefault();
      target.closest("dialog").close();
      return;
    }
    if (target === dialog()) dialog().close();
    if (target.closest("a.result")) listTop = $(".app-body")?.scrollTop ?? 0;
    const back = target.closest("a[data-back]");
    if (back && !event.ctrlKey && !event.metaKey && !event.shiftKey && $("#customers-results")) {
      event.preventDefault();
      history.pushState({ htmx: true }, "", back.href);
      backToList();
    }
    if (target.closest("[data-print]")) window.print();
    for (const menu of $$("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of $$("details.menu[open]")) {
        menu.open = false;
        $("summary", menu).focus();
      }
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const box = $("#customers-query");
    const rows = $$("a.result");
    if (!box || !rows.length) return;
    const at = document.activeElement === box ? -1 : rows.indexOf(document.activeElement);
    if (at === -1 && document.activeElement !== box) return;
    const next = at + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    if (next < 0) box.focus();
    else rows[Math.min(next, rows.length - 1)].focus();
  });

  /* The value of a filter is chosen among those of its attribute; without script among all. */
  function offerValues() {
    const key = $("#customers-attribute-name")?.value;
    for (const option of $$("#customers-attribute-values option")) option.disabled = Boolean(key) && option.dataset.of !== key;
  }

  /* A select or chip that changes the form itself (country) sends it at once; without script there is a button. */
  document.addEventListener("change", (event) => {
    if (event.target.id === "customers-attribute-name") {
      $("#customers-attribute-value").value = "";
      offerValues();
    }
    const name = event.target.dataset?.submits;
    const button = name && event.target.form?.querySelector(`button[name="${CSS.escape(name)}"]`);
    if (button) event.target.form.requestSubmit(button);
  });

  document.addEventListener("DOMContentLoaded", () => {
    focusFirst(document.body);
    offerValues();
    markCurrentRow();
  });
})();
