// Who reads, and when, over what is read. Drawn here: the library's own sets a style attribute, which the policy forbids.
import { useEffect, useRef, type ReactNode } from "react";

export function Watermark({ lines, children }: { lines: string[]; children: ReactNode }) {
  const cover = useRef<HTMLDivElement>(null);
  const text = lines.join("\n");
  useEffect(() => {
    const place = cover.current;
    if (!place) return;
    const canvas = document.createElement("canvas");
    canvas.width = 300;
    canvas.height = 170;
    const pen = canvas.getContext("2d");
    if (!pen) return;
    pen.translate(150, 85);
    pen.rotate(-0.36);
    pen.font = "14px sans-serif";
    pen.textAlign = "center";
    pen.fillStyle = "rgba(90,105,125,.2)";
    text.split("\n").forEach((line, n) => pen.fillText(line, 0, n * 20 - 6));
    place.style.backgroundImage = `url(${canvas.toDataURL()})`;
  }, [text]);
  return <div className="marked">{children}<div ref={cover} className="mark" data-lines={text} aria-hidden="true" /></div>;
}
