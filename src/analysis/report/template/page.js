"use strict";
(() => {
  const words = document.body.dataset;
  const value = (cell) => {
    const text = cell ? cell.textContent.trim() : "";
    const plain = text.replace(/\s*[(\uff08].*/, "").replace(/[,+<%\s]/g, "").replace("\u2212", "-");
    const found = /^(-?[\d.]+)([\u4e07\u4ebf]?)\D*$/.exec(plain);
    return [text, found ? parseFloat(found[1]) * ({ "\u4e07": 1e4, "\u4ebf": 1e8 }[found[2]] || 1) : NaN];
  };
  const compare = (a, b) => {
    if (!isNaN(a[1]) && !isNaN(b[1])) return a[1] - b[1];
    if (isNaN(a[1]) !== isNaN(b[1])) return isNaN(a[1]) ? 1 : -1;
    return a[0].localeCompare(b[0], document.documentElement.lang);
  };
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0], head = table.tHead;
    if (!body || !head || body.rows.length < 2) continue;
    [...head.rows[0].cells].forEach((cell, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...cell.childNodes);
      cell.append(button);
      button.addEventListener("click", () => {
        const down = cell.getAttribute("aria-sort") === "ascending";
        for (const other of head.rows[0].cells) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [value(row.cells[place]), row]);
        rows.sort((a, b) => (down ? -1 : 1) * compare(a[0], b[0]));
        body.append(...rows.map((row) => row[1]));
      });
    });
    if (body.rows.length < 12) continue;
    const box = document.createElement("input"), found = document.createElement("output");
    box.type = "search";
    box.placeholder = words.search;
    box.setAttribute("aria-label", words.search + ": " + (table.caption ? table.caption.textContent : ""));
    const choices = [];
    const filter = () => {
      const wanted = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        const chosen = choices.every(([list, place]) => !list.value || row.cells[place].textContent === list.value);
        row.hidden = !chosen || !wanted.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      found.value = shown < body.rows.length ? words.rows.replace("{n}", shown).replace("{all}", body.rows.length) : "";
    };
    box.addEventListener("input", filter);
    [...head.rows[0].cells].forEach((cell, place) => {
      if (!("filter" in cell.dataset)) return;
      const list = document.createElement("select");
      list.setAttribute("aria-label", cell.textContent);
      list.add(new Option(cell.textContent + ": " + words.all, ""));
      const values = new Set([...body.rows].map((row) => row.cells[place].textContent));
      [...values].filter(Boolean).sort((a, b) => a.localeCompare(b, document.documentElement.lang)).forEach((text) => list.add(new Option(text)));
      list.addEventListener("change", filter);
      choices.push([list, place]);
    });
    const tools = document.createElement("p");
    tools.className = "tools";
    tools.append(box, ...choices.map((choice) => choice[0]), found);
    (table.closest(".table") || table).before(tools);
  }
  for (const heading of document.querySelectorAll("h2[id]")) {
    const link = document.createElement("a");
    link.className = "here";
    link.href = "#" + heading.id;
    link.textContent = "#";
    link.setAttribute("aria-label", words.link + ": " + heading.textContent);
    link.addEventListener("click", () => {
      const place = location.href.split("#")[0] + "#" + heading.id;
      if (navigator.clipboard) navigator.clipboard.writeText(place).catch(() => {});
    });
    heading.append(" ", link);
  }
})();
