// Sets the chosen appearance before the first paint; src/features/appearance keeps it.
try {
  const chosen = localStorage.getItem('appearance');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is closed to this page: the system's appearance stands.
}
