// What the keyboard and a screen reader need, and the theme does not give: names for the two parts at
// the sides, and a way into what is wider than the page.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelector("aside.sidebar-drawer")?.setAttribute("aria-label", "All pages");
  document.querySelector("aside.toc-drawer")?.setAttribute("aria-label", "On this page");
  const reach = () => {
    for (const part of document.querySelectorAll("pre, table.docutils")) {
      if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
      else part.removeAttribute("tabindex");
    }
  };
  reach();
  addEventListener("resize", reach);
});
