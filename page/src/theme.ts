// Runs before the first paint, so that a chosen theme does not flash. Without a choice the system's counts.

const chosen = ((): string | null => {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
})();
if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
document.documentElement.dataset.scripts = "on";
