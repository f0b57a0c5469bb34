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
    /// The sources
    Sources,
    /// The rejected lines of a source
    Rejects,
    /// What the log lacks
    Health,
    /// The help
    Help,
    /// The sort menu
    Sort,
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
    /// To the next pane
    NextPane,
    /// To the previous pane
    PreviousPane,
    /// The pane alone on the screen, and back
    Zoom,
    /// Show or hide cost by feature
    ToggleCosts,
    /// Show or hide the sources: how far each is read, its rejected lines, why it cannot be read
    ToggleSources,
    /// Show or hide what the log lacks: prompts, keys, prices, by feature and day
    ToggleHealth,
    /// Show the sum behind the amount under the cursor: of an interaction its calls, of a feature its interactions
    Ledger,
    /// Follow new interactions, or pause
    Follow,
    /// Ask again for what is shown
    Refresh,
    /// Search: in the list for an interaction with this text, in the inspector within the text shown
    Search,
    /// Next match of the search
    NextMatch,
    /// Previous match of the search
    PreviousMatch,
    /// Show only interactions that match: `feature:billing cost>0.05 "some words"`
    Filter,
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
    /// Sort the sources by name, or those first that need a look
    SortSources,
    /// Choose what to copy
    Copy,
    /// Copy the prompt as text
    CopyPrompt,
    /// Copy the messages as JSON
    CopyMessages,
    /// Copy the response
    CopyResponse,
    /// Copy the trace id
    CopyId,
    /// Copy the raw line as logged
    CopyLine,
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
    /// Next tab of the inspector
    NextTab,
    /// Previous tab of the inspector
    PreviousTab,
    /// Wrap long lines, or not
    Wrap,
    /// Scroll left
    ScrollLeft,
    /// Scroll right
    ScrollRight,
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
