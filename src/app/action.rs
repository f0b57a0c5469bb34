//! What a key can mean. An action's doc comment is its help text; its name in kebab-case is what keymap files use.

use strum::{EnumCount, EnumIter, EnumMessage, EnumString, IntoStaticStr};

/// Which keys are in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, EnumMessage, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Mode {
    /// The list of interactions
    #[default]
    List,
    /// The inspector of one span
    Inspector,
    /// Cost by feature
    Costs,
    /// The strip above the list
    Timeline,
    /// The sources
    Sources,
    /// The rejected lines of a source
    Rejects,
    /// The diagnosis of an interaction
    Diagnosis,
    /// Two interactions side by side
    Comparison,
    /// What the log lacks
    Health,
    /// The list grouped by session
    Sessions,
    /// Why a feature is dear, and the system prompts
    Sheet,
    /// The help
    Help,
    /// The sort menu
    Sort,
    /// The menu of columns
    Columns,
    /// The copy menu
    Copy,
    /// A line to type in
    Prompt,
}

/// Something the user can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumCount, EnumIter, EnumMessage, EnumString, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Action {
    /// Move down
    Down,
    /// Move up
    Up,
    /// Half a page down
    HalfDown,
    /// Half a page up
    HalfUp,
    /// A page down
    PageDown,
    /// A page up
    PageUp,
    /// To the top; in the live list also follow again
    Top,
    /// To the bottom
    Bottom,
    /// Open the interaction or the span
    Open,
    /// Back: leave what is open, clear what is set; never quits
    Back,
    /// Collapse, or go to the parent
    Collapse,
    /// Expand, or go to the first child
    Expand,
    /// Collapse all spans of the interaction
    CollapseAll,
    /// Expand all spans of the interaction
    ExpandAll,
    /// To the parent span
    ToParent,
    /// To the next span beside this one
    NextSibling,
    /// To the previous span beside this one
    PreviousSibling,
    /// To the next span of the same name in this interaction
    NextSame,
    /// To the previous span of the same name in this interaction
    PreviousSame,
    /// Fold the deepest open level of the tree
    FoldLevel,
    /// Unfold the highest folded level of the tree
    UnfoldLevel,
    /// Fold or unfold all spans of this kind
    FoldKind,
    /// To the next pane
    NextPane,
    /// To the previous pane
    PreviousPane,
    /// The pane alone on the screen, and back
    Zoom,
    /// Show or hide cost by feature
    ToggleCosts,
    /// Sum the costs by the next key: feature, model, user, session, service
    CostKey,
    /// Sum the costs over the next time: 5 minutes, 1 hour, today, 7 days, all
    CostWindow,
    /// Why is this feature dear? Its spike explained, beside what the log itself says of it
    Explain,
    /// To the strip above the list: interactions, their cost, failed ones over time; again for the next of these
    Timeline,
    /// To an earlier bar of the strip
    EarlierBar,
    /// To a later bar of the strip
    LaterBar,
    /// Hide the strip while it has not the keys, or show it again
    HideTimeline,
    /// Show or hide the sources: how far each is read, its rejected lines, why it cannot be read
    ToggleSources,
    /// Why was the answer bad? Prompt, documents, context, temperature and more, checked
    Diagnose,
    /// Mark the interaction or the step, to compare another one with it
    Mark,
    /// Set the interaction aside, or not
    SetAside,
    /// Next interaction that was set aside
    NextAside,
    /// Previous interaction that was set aside
    PreviousAside,
    /// Only the interactions that were set aside
    OnlyAside,
    /// Compare with the marked one, else with the feature's last good one
    Compare,
    /// Show or hide what the log lacks: prompts, keys, prices, by feature and day
    ToggleHealth,
    /// Show or hide the sessions: each conversation as one row, with what it came to; Enter opens it
    ToggleSessions,
    /// Show or hide the system prompts: who uses which, since when, at what cost
    TogglePrompts,
    /// Show the sum behind the amount under the cursor: of an interaction its calls, of a feature its interactions
    Ledger,
    /// Follow new interactions, or pause
    Follow,
    /// Ask again for what is shown
    Refresh,
    /// Search: in the list for an interaction with this text, in a tree first for a span, in the inspector within the text shown
    Search,
    /// Next match of the search
    NextMatch,
    /// Previous match of the search
    PreviousMatch,
    /// Show only interactions that match: `feature:billing cost>0.05 "some words"`
    Filter,
    /// The whole conversation of this interaction, the oldest first
    OnlySession,
    /// Next interaction with a finding
    NextFinding,
    /// Previous interaction with a finding
    PreviousFinding,
    /// Next interaction
    NextTrace,
    /// Previous interaction
    PreviousTrace,
    /// Next model call of the interaction
    NextCall,
    /// Previous model call of the interaction
    PreviousCall,
    /// Next error
    NextError,
    /// Previous error
    PreviousError,
    /// Next cost anomaly: dearer than a multiple of its feature's usual, twice unless `[anomaly]` says otherwise
    NextAnomaly,
    /// Previous cost anomaly
    PreviousAnomaly,
    /// Go to a time: `15:00`, `yesterday 15:00`, `2h`
    GoToTime,
    /// Choose the order of the list
    Sort,
    /// Sort by time; again to reverse
    SortByTime,
    /// Sort by cost; again to reverse
    SortByCost,
    /// Sort by tokens; again to reverse
    SortByTokens,
    /// Sort by duration; again to reverse
    SortByDuration,
    /// Sort by feature; again to reverse
    SortByFeature,
    /// Sort by user; again to reverse
    SortByUser,
    /// Sort by model; again to reverse
    SortByModel,
    /// Sort by question; again to reverse
    SortByAsk,
    /// Sort by findings; again to reverse
    SortByFlags,
    /// Choose and order the columns of the list, and sort by any of them
    Columns,
    /// Show this column, or not
    ToggleColumn,
    /// The column further left
    ColumnEarlier,
    /// The column further right
    ColumnLater,
    /// Sort by this column; again to reverse
    SortByColumn,
    /// The columns that were designed for the width
    DesignedColumns,
    /// More room for the inspector, less for the list
    LineUp,
    /// More room for the list, less for the inspector
    LineDown,
    /// More room for the costs, less for the list
    LineLeft,
    /// More room for the list, less for the costs
    LineRight,
    /// Sort the sources by name, or those first that need a look
    SortSources,
    /// Choose what to copy
    Copy,
    /// Copy the prompt as text
    CopyPrompt,
    /// Copy the messages as JSON
    CopyMessages,
    /// Copy the whole request as JSON
    CopyRequest,
    /// Copy a curl command that sends the request again
    CopyCurl,
    /// Copy a Python program that sends the request again
    CopyPython,
    /// Copy the response
    CopyResponse,
    /// Copy the interaction as Markdown, for a ticket
    CopyReport,
    /// Copy the trace id
    CopyId,
    /// Copy the raw line as logged
    CopyLine,
    /// Print what was copied last on the plain screen, to select by hand
    PrintLast,
    /// Copy the diagnosis as Markdown
    CopyDiagnosis,
    /// Copy the rejected line as it was kept
    CopyReject,
    /// Show the prompt
    ShowPrompt,
    /// Show the response
    ShowResponse,
    /// Show the retrieved documents
    ShowDocuments,
    /// Show tools, their arguments and results
    ShowTools,
    /// Show the request's parameters
    ShowParameters,
    /// Show the sum behind the cost
    ShowCost,
    /// Show the raw line
    ShowRaw,
    /// Open what the prompt repeats of an earlier turn, or fold it
    ToggleRepeated,
    /// Retrieved documents by their rank, by age, by how much of them is quoted
    OrderDocuments,
    /// Next tab of the inspector
    NextTab,
    /// Previous tab of the inspector
    PreviousTab,
    /// Wrap long lines, or not
    Wrap,
    /// Show spaces, tabs and the ends of lines, or not; what would hide or act is always shown
    ShowBlanks,
    /// Fold the deepest open level of the JSON shown
    FoldJson,
    /// Unfold the highest folded level of the JSON shown
    UnfoldJson,
    /// Fold all of the JSON shown but its outermost members
    OutlineJson,
    /// Unfold all of the JSON shown
    OpenJson,
    /// Read the text shown in $PAGER
    OpenPager,
    /// Read the text shown in $EDITOR; nothing is read back
    OpenEditor,
    /// Scroll left
    ScrollLeft,
    /// Scroll right
    ScrollRight,
    /// Every action, by some of its letters, and the named views
    Palette,
    /// Keep the filter as a named view in the settings
    SaveView,
    /// Save each feature's median cost to the file of baselines, for another host to judge by
    SaveBaselines,
    /// Next choice above the line
    NextChoice,
    /// Previous choice above the line
    PreviousChoice,
    /// An earlier line of the history
    Earlier,
    /// A later line of the history
    Later,
    /// Accept the line typed
    Accept,
    /// Give the line up
    Cancel,
    /// This help
    Help,
    /// Draw the screen anew
    Redraw,
    /// Put the program aside, back to the shell
    Suspend,
    /// Leave what is open; at the top level quit
    Leave,
    /// Quit at once
    Quit,
}

impl Action {
    /// What it does, in one line.
    #[must_use]
    pub fn help(self) -> &'static str {
        self.get_documentation().unwrap_or_default()
    }

    /// Its name in keymap files.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// It means something only while a line is typed.
    #[must_use]
    pub const fn belongs_to_a_line(self) -> bool {
        matches!(
            self,
            Self::Palette | Self::NextChoice | Self::PreviousChoice | Self::Earlier | Self::Later | Self::Accept | Self::Cancel
        )
    }
}

impl Mode {
    /// What it is called in the help.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.get_documentation().unwrap_or_default()
    }

    /// Its table in keymap files.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}
