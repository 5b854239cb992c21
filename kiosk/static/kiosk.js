// Everything the screen does beyond plain pages. Each part is a module of its own; without scripts the pages
// still work, except reading aloud, the on-screen keyboard and the clock that wipes.
import { beat } from "./beat.js";
import { debouncePresses } from "./press.js";
import { watchSilence, wipe } from "./idle.js";
import { refuseIdentity } from "./identity.js";
import { stayInside } from "./stay.js";
import { setUpReading } from "./reader.js";
import { setUpTyping } from "./typing.js";
import { setUpSearch } from "./search.js";
import { keepBoardFresh } from "./board.js";
import { followUp } from "./kept.js";
import { turnPages } from "./more.js";

beat(document);
stayInside(document);
debouncePresses(document);
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
document.addEventListener("click", (event) => { if (event.target.closest("[data-leave]")) wipe(); });

const reader = setUpReading(document);
refuseIdentity(document); // first, so that nothing else hears of what it takes away
const typing = setUpTyping(document);
setUpSearch(document, typing);
watchSilence(document, reader);
keepBoardFresh(document);
followUp(document);
turnPages(document);
