// The newest packets and what the programs do, as a list of lines.

const MOST = 500;
const state = document.getElementById("status");
const packets = document.getElementById("packets");

function tell(word) {
  state.dataset.state = word;
  state.textContent = word;
}

function words(event) {
  switch (event.event) {
    case "sent":
      return `${event.direction} ${event.protocol} ${event.flags} ${event.length} bytes ${event.fates.join(" ")}`;
    case "program":
      return `${event.side}: ${event.what} ${event.text}`;
    default:
      return "";
  }
}

const stream = new EventSource("events");
stream.onopen = () => tell("live");
stream.onerror = () => tell("lost");
stream.onmessage = (message) => {
  for (const event of JSON.parse(message.data)) {
    if (event.event === "over") {
      stream.close();
      tell("over");
    }
    const line = words(event);
    if (line) {
      const item = document.createElement("li");
      item.textContent = `${event.t.toFixed(3)} ${line}`;
      packets.append(item);
      while (packets.children.length > MOST) packets.firstChild.remove();
    }
  }
};

document.getElementById("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const { text, protocol } = Object.fromEntries(new FormData(event.target));
  fetch("say", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ protocol, text }),
  });
});
