// One chart. The numbers behind it always stand in a table next to it. No HTML tooltips: the policy forbids their styles.
import { BarChart, LineChart, SankeyChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";

echarts.use([BarChart, LineChart, SankeyChart, AriaComponent, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

export default function Chart({ option, label, tall = false }: { option: object; label: string; tall?: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!place.current) return;
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink").trim();
    const chart = echarts.init(place.current, null, { renderer: "canvas" });
    chart.setOption({ textStyle: { color: ink, fontFamily: "inherit" }, aria: { enabled: true, label: { description: label } }, animation: false, ...option });
    const watch = new ResizeObserver(() => chart.resize());
    watch.observe(place.current);
    return () => { watch.disconnect(); chart.dispose(); };
  }, [option, label]);
  return <div ref={place} className={tall ? "chart chart-tall" : "chart"} role="img" aria-label={label} />;
}
