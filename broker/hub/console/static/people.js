// Small hands: an address goes to the clipboard by one press, a password can be seen while it is typed.

const copy = document.querySelector("[data-copy]");
const source = document.querySelector("[data-copy-from]");
if (copy && source && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.textContent.trim());
    copy.querySelector("span").textContent = "Đã chép";
  });
}

for (const show of document.querySelectorAll("[data-show]")) {
  const fields = [...show.form.querySelectorAll('input[type="password"]')];
  show.hidden = false;
  show.addEventListener("click", () => {
    const seen = show.getAttribute("aria-pressed") !== "true";
    show.setAttribute("aria-pressed", String(seen));
    show.textContent = seen ? "Che mật khẩu" : "Hiện mật khẩu";
    for (const field of fields) field.type = seen ? "text" : "password";
  });
  show.form.addEventListener("submit", () => {
    for (const field of fields) field.type = "password"; // what browsers keep of text fields must not be this
  });
}
