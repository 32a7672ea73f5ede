"use strict";
// Offers to copy what is handed out, where the browser lets a page do that.
for (const text of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  const name = document.getElementById(text.getAttribute("aria-labelledby")).textContent;
  button.type = "button";
  button.className = "copy";
  button.textContent = `Copy: ${name}`;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = `Copied: ${name}`;
    } catch {
      button.textContent = "The browser refuses; select it by hand";
    }
  });
  text.after(button);
}
// Brings new decisions in while somebody looks at them. Everything else works without script.
(() => {
  const list = document.querySelector("[data-live]");
  const place = document.getElementById("live");
  if (!list || !place) return;
  const PAUSE_MS = 3000;
  const button = document.createElement("button");
  button.type = "button";
  let live = true;
  const say = (words) => { button.textContent = words; };
  const show = () => {
    say(live ? "Pause live updates" : "Resume live updates");
    button.classList.toggle("on", live);
  };
  button.addEventListener("click", () => { live = !live; show(); });
  show();
  place.append(button);
  const look = async () => {
    const url = new URL(list.dataset.live, location.href);
    url.searchParams.set("after", list.dataset.newest || "none");
    // Where one has logged out, the answer leads to the login: that is the end of it.
    const answer = await fetch(url, { redirect: "error", cache: "no-store" });
    if (answer.status !== 200) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("[data-live]");
    if (!fresh || !live || list.contains(document.activeElement)) return;
    list.dataset.newest = fresh.dataset.newest;
    list.replaceChildren(...fresh.childNodes);
  };
  const again = async () => {
    try {
      if (live && !document.hidden && !list.contains(document.activeElement)) await look();
    } catch {
      live = false;
      button.disabled = true;
      say("Live updates ended; reload the page");
      return;
    }
    setTimeout(again, PAUSE_MS);
  };
  setTimeout(again, PAUSE_MS);
})();
