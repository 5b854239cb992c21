// The address of an invitation goes to the clipboard by one press.

const button = document.querySelector("[data-copy]");
const source = document.querySelector("[data-copy-from]");
if (button && source && navigator.clipboard) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.querySelector("span").textContent = "Đã chép";
  });
}
