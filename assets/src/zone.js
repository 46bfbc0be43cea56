// Stores the browser's time zone for the server, which formats the times of charts, and loads the page again the first
// time. data-zone is the zone of the times on the page.
(() => {
  "use strict";
  const shown = document.currentScript.dataset.zone;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone || zone === shown || (shown === "UTC" && /^(Etc\/)?(UTC|GMT|UCT)$/.test(zone))) return;
  document.cookie = `zone=${zone}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
  try {
    if (sessionStorage.getItem("zone") === zone) return; // the server does not know it, or cookies are off
    sessionStorage.setItem("zone", zone);
    location.reload();
  } catch {
    // without storage, the next page has it
  }
})();
