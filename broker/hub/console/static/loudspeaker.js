// Sliders beside the numbers of the volumes: either moves the other; without this script the numbers stand alone.
for (const slider of document.querySelectorAll("input[type=range][data-of]")) {
  const typed = document.getElementById(slider.dataset.of);
  const paint = () => slider.style.setProperty("--filled", `${((slider.value - slider.min) / (slider.max - slider.min)) * 100}%`);
  slider.hidden = false;
  slider.value = typed.value;
  paint();
  slider.addEventListener("input", () => { typed.value = slider.value; paint(); });
  typed.addEventListener("input", () => { if (/^\d+$/.test(typed.value.trim())) { slider.value = typed.value.trim(); paint(); } });
}
// A test that would be refused is not sent: the sentence beside the button says why.
document.addEventListener("click", (press) => {
  if (press.target.closest?.('#keu-thu[aria-disabled="true"]')) press.preventDefault();
});
