/** Puts the document that this file holds on the page. Nothing is asked of anybody. */

import { mount } from "svelte";

import "../app.css";
import { Theme } from "../theme.svelte";
import ComparisonPage from "./ComparisonPage.svelte";
import type { Comparison, LegsReport, Report } from "./document";
import LegsPage from "./LegsPage.svelte";
import "./report.css";
import ReportPage from "./ReportPage.svelte";

const target = document.getElementById("page");
const data = document.getElementById("document")?.textContent;
if (target === null || !data) throw new Error("this file has lost its page or its document");

const theme = new Theme();
const content = JSON.parse(data) as Report | LegsReport | Comparison;
if (content.kind === "comparison") mount(ComparisonPage, { target, props: { content, theme } });
else if (content.kind === "legs") mount(LegsPage, { target, props: { content, theme } });
else mount(ReportPage, { target, props: { report: content, theme } });
